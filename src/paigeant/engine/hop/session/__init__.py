"""Sessions: what a step's code asks of its worker while it runs."""
