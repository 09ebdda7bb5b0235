"""Play one schedule again: ``python -m tests.simulation SEED`` prints its trace; ``FIRST LAST`` looks for a bad one."""

from __future__ import annotations

import sys

from tests.simulation.play import play

if __name__ == "__main__":
    first, last = int(sys.argv[1]), int(sys.argv[-1])
    for seed in range(first, last + 1):
        played = play(seed)
        if played.problems or first == last:
            sys.stdout.write(f"{played.report()}\n")
        if played.problems:
            sys.exit(1)
