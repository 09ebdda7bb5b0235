"""What a drama is to contain: how much load, and how many of each fault."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final


@dataclass(frozen=True)
class Plan:
    """How much of everything: ``hits`` of each crash point, and ``poison`` is how many runs kill their workers."""

    runs: int
    hits: int
    kills: int
    zombies: int
    server_kills: int
    cuts: int
    poison: int
    ended: float = 0.04
    """The share of runs that are terminated in flight, if there is time."""
    slow: float = 0.06
    """The share of steps that take so long that their lease is renewed."""
    lease: float = 2.0
    late: int = 0
    """Workers that are stopped with a commit in hand, until somebody else executes their hop."""
    window: int = 40
    """Runs under way at a time, about."""
    plain: bool = False
    """Whether all runs are of five steps in a row, which are committed without being judged."""
    covers: bool = False
    """Whether a crash point that was hit too rarely fails it: a small one on a busy machine may not get to all."""

    def with_load(self, runs: int | None) -> Plan:
        """Return the plan with another number of runs."""
        return self if runs is None else replace(self, runs=runs)

    def with_lease(self, seconds: float | None) -> Plan:
        """Return the plan with another length of leases."""
        return self if seconds is None else replace(self, lease=seconds)


PLANS: Final = {
    "smoke": Plan(runs=30, hits=0, kills=2, zombies=1, server_kills=0, cuts=0, poison=1, late=1, window=15),
    "small": Plan(runs=200, hits=1, kills=4, zombies=2, server_kills=1, cuts=3, poison=1, late=1),
    "medium": Plan(runs=1000, hits=2, kills=10, zombies=4, server_kills=3, cuts=6, poison=4, late=2, covers=True),
    "nightly": Plan(
        runs=1000,
        hits=2,
        kills=5,
        zombies=2,
        server_kills=1,
        cuts=2,
        poison=3,
        late=1,
        lease=3.0,
        window=80,
        covers=True,
    ),
}
"""``small`` is what `make chaos` plays on each backend, ``nightly`` each part of `make chaos-nightly`."""

NIGHTLY: Final = range(1001, 1011)
"""The seeds of the ten parts of the nightly drama: 10,000 runs, and every crash point 20 times."""
