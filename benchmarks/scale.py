"""How much is measured: enough for figures that one can stand by, or a quick look."""

from __future__ import annotations

from typing import NamedTuple


class Scale(NamedTuple):
    """Sizes of all measures."""

    rounds: int
    """In which everybody takes turns."""
    again: int
    """Rounds of what is measured beside that: longer runs, larger payloads, more workers."""
    share: float
    """Of the runs that an entry does in a round."""
    samples: int
    """Of the latency of one idle run."""
    seconds: float
    """For which an idle worker is watched."""
    waiting: int
    """Runs that wait while a worker's memory is read."""
    starts: int
    """Cold starts of each kind."""

    def runs(self, whole: int, least: int = 1) -> int:
        """Return this scale's share of so many runs."""
        return max(least, int(whole * self.share))


FULL = Scale(rounds=3, again=2, share=1, samples=100, seconds=10, waiting=10_000, starts=7)
QUICK = Scale(rounds=1, again=1, share=0.1, samples=30, seconds=3, waiting=1000, starts=3)
