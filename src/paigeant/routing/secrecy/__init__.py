"""What the secrets of a workflow ask of its entries."""
