"""What was signed of runs, as the engine reads and adopts it."""
