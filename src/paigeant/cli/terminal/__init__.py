"""What commands share: reading arguments, printing, following a run."""
