"""What is asked of a store beside runs and hops, and what it answers."""
