"""Whatever happens in whatever order, the guarantees hold: workers that pick from the store."""

from __future__ import annotations

import pytest

from tests.simulation.play import hold

TOGETHER = 100


@pytest.mark.parametrize("first", range(1, 2_000, 2 * TOGETHER))
def test_the_guarantees_hold_in_every_schedule(first: int):
    for seed in range(first, first + 2 * TOGETHER, 2):
        hold(seed)
