"""What a store promises of runs that begin others."""
