"""Play schedules: ``python -m tests.simulation SEED`` prints what happened; ``FIRST LAST`` looks for a bad one."""

from __future__ import annotations

import sys
from time import process_time

from tests.simulation.play import play


def main(first: int, last: int) -> int:
    """Play them until one is bad, and print that one, with the command that plays it again."""
    steps, days = 0, 0.0
    for seed in range(first, last + 1):
        played = play(seed)
        steps, days = steps + played.steps, days + played.seconds / 86_400
        if played.problems or first == last:
            sys.stdout.write(f"{played.report()}\n")
            return 1 if played.problems else 0
    figures = f"{last + 1 - first:,} schedules, {steps:,} callbacks, {days:.1f} days of made-up time"
    sys.stdout.write(f"{figures}, {process_time():.0f} s of processor time: nothing is wrong\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[-1])))
