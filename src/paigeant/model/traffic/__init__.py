"""Traffic between workers, stores and brokers, as hooks see it."""
