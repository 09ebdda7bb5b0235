"""What a store decides about runs that have begun others."""
