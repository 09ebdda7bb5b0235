"""Pauses of models in memory."""

from __future__ import annotations

from collections.abc import Mapping

from paigeant.protocol.spending.pauses import prolong
from paigeant.stores.memory.rows import Rows


def pause_model(rows: Rows, model: str, seconds: float | None) -> float:
    """Pause a model; returns the length of the pause in seconds."""
    now, known = rows.clock(), rows.calls.pauses
    known[model] = prolong(known.get(model), seconds, now)
    return (known[model].until - now).total_seconds()


def load_pauses(rows: Rows) -> Mapping[str, float]:
    """Return the paused models."""
    now = rows.clock()
    left = {model: (pause.until - now).total_seconds() for model, pause in rows.calls.pauses.items()}
    return {model: seconds for model, seconds in left.items() if seconds > 0}
