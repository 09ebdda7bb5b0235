"""The store intake takes what is due as soon as it may."""

from __future__ import annotations

from time import monotonic
from typing import Any

from paigeant.model.limits import SUSPECT, SUSPECT_PAUSE

STEPS = 8


async def test_the_next_suspect_begins_once_the_one_before_has_ended(bench: Any):
    """One at a time: but a worker that was killed twice may leave many, and most of them killed nobody."""
    bench.registry.execute("step")(lambda: None)
    runs = [await bench.start("step") for _ in range(STEPS)]
    for hop in bench.steady._rows.twins.values():
        hop.interruptions = SUSPECT

    began = monotonic()
    await bench.serve()
    for run in runs:
        await bench.until(run)

    assert monotonic() - began < (STEPS - 1) * SUSPECT_PAUSE.total_seconds() / 2
