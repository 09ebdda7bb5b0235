"""Whatever happens in whatever order, the guarantees hold: workers that pick from the store."""

from __future__ import annotations

import pytest

from tests.simulation.play import hold

TOGETHER = 45

STARTS = range(1, 2_000, 2 * TOGETHER)

QUICK = 1
"""So many of them belong to ``make test``, the others to ``make test-slow``."""


@pytest.mark.parametrize(
    "first", [*STARTS[:QUICK], *(pytest.param(seed, marks=pytest.mark.slow) for seed in STARTS[QUICK:])]
)
def test_the_guarantees_hold_in_every_schedule(first: int):
    for seed in range(first, first + 2 * TOGETHER, 2):
        hold(seed)
