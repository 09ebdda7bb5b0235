"""Sessions: requests of a step's code to its worker while it runs."""
