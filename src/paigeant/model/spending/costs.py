"""Costs: sums of the ledger, as they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, field_serializer


class CostBy(StrEnum):
    """Groupings of the ledger; a day is one of UTC, by the store's clock."""

    MODEL = "model"
    STEP = "step"
    AGENT = "agent"
    TENANT = "tenant"
    DAY = "day"
    WORKFLOW = "workflow"


def decimal_text(usd: Decimal | None) -> str | None:
    """Return an amount as text without an exponent and without trailing zeros."""
    if usd is None:
        return None
    text = f"{usd:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


class Usage(BaseModel, frozen=True):
    """Tokens and cost of requests; ``usd`` is None if none has a price, ``unpriced`` is the number without one."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: Decimal | None = None
    unpriced: int = 0

    @field_serializer("usd")
    def _text(self, usd: Decimal | None) -> str | None:
        return decimal_text(usd)

    @classmethod
    def total(cls, parts: Iterable[Usage]) -> Usage:
        """Return the sum."""
        every = list(parts)
        priced = [part.usd for part in every if part.usd is not None]
        return cls(
            requests=sum(part.requests for part in every),
            input_tokens=sum(part.input_tokens for part in every),
            output_tokens=sum(part.output_tokens for part in every),
            usd=sum(priced, Decimal(0)) if priced else None,
            unpriced=sum(part.unpriced for part in every),
        )


class CostRow(Usage, frozen=True):
    """Costs of one model, step, …; ``key`` is None for costs without a name, such as those of no tenant."""

    key: str | None


class Costs(BaseModel, frozen=True):
    """Costs in groups, the highest first."""

    rows: tuple[CostRow, ...]
    total: Usage

    @classmethod
    def of(cls, rows: Iterable[CostRow], by: CostBy) -> Costs:
        """Return rows in order: days by date, all others by cost, the highest first."""
        found = list(rows)
        if by is CostBy.DAY:
            found.sort(key=lambda row: row.key or "")
        else:
            found.sort(key=lambda row: (-(row.usd or Decimal(0)), -row.input_tokens - row.output_tokens, row.key or ""))
        return cls(rows=tuple(found), total=Usage.total(found))


class CallCounts(BaseModel, frozen=True):
    """Recorded calls of a step: requests to models, other calls, and those found again by a later attempt."""

    requests: int = 0
    tools: int = 0
    replayed: int = 0


class StepCalls(NamedTuple):
    """Recordings of a step: numbers of requests, other calls and replays, and their usage."""

    requests: int = 0
    tools: int = 0
    replayed: int = 0
    usage: Usage | None = None
    checkpoints: int = 0

    def plus(self, kind: str, count: int, *, replayed: bool) -> StepCalls:
        """Return these calls and this many more of a kind, replayed by a later attempt or not."""
        return self._replace(
            requests=self.requests + (count if kind == "model" else 0),
            tools=self.tools + (count if kind in {"tool", "call"} else 0),
            replayed=self.replayed + (count if replayed and kind != "prompt" else 0),
            checkpoints=self.checkpoints + count,
        )
