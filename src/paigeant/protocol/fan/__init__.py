"""What a store decides about the joins of nodes."""
