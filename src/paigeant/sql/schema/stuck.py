"""Stuck hops: the condition shared by a partial index and its queries."""

from __future__ import annotations

from typing import Final

from sqlalchemy import TextClause, text

from paigeant.model.runs import StepStatus, WaitReason
from paigeant.model.stored.run_filter import HELD_BY_OTHERS

STUCK: Final[TextClause] = text(
    f"completed_at IS NULL AND status = '{StepStatus.WAITING.value}' AND awaits IS NULL AND (interface IS NOT NULL "
    f"OR reason = '{WaitReason.UNSERVED.value}' OR (due_at IS NULL AND reason NOT IN ("
    + ", ".join(f"'{reason}'" for reason in HELD_BY_OTHERS)
    + ")))"
)
"""Condition that a hop waits for a person, for code or for a worker. Written with literals: a database matches a
partial index only with the same text, not with parameters."""
