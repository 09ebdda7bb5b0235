"""The joins of nodes, as the memory store keeps them."""
