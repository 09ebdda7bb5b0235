"""Recorded calls as they are shown: which step has made them, what they were, and what they cost."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel, field_serializer

from paigeant.model.spending.costs import decimal_text

CALLS: Final = 10_000
"""Calls of a run that are shown, at most."""


class CallRow(NamedTuple):
    """A checkpoint without its payload, of ``size`` bytes as it rests, at the place of its hop."""

    step: str
    step_id: UUID
    direction: str
    path: str
    position: int
    epoch: int
    key: str
    kind: str
    took: float
    at: datetime
    fence: int
    worker: str | None
    library: str | None
    size: int


class RecordedCall(BaseModel, frozen=True):
    """A call that a step has recorded; of a request, what answered and what it cost, ``usd`` None without a price.

    ``name`` is what was called, ``took`` is in seconds, ``size`` in bytes as it rests. ``lease`` is the number of the
    lease under which it was recorded: where it is not the step's newest one, a later attempt has found it again.
    """

    step: str
    path: str = ""
    position: int
    direction: str
    epoch: int
    kind: str
    name: str
    key: str
    model: str | None = None
    provider: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    usd: Decimal | None = None
    took: float
    at: datetime
    lease: int
    worker: str | None = None
    library: str | None = None
    size: int

    @field_serializer("usd")
    def _text(self, usd: Decimal | None) -> str | None:
        return decimal_text(usd)


def name_of(key: str) -> str:
    """Return what a call is, of its key: the tool, or the unit of an agent's run, or the name of ``ctx.checkpoint``."""
    unit = re.sub(r"^(began|failed) \d+ ", "", key).partition("@")[0]
    if unit.startswith("ctx."):
        name, _, number = unit.removeprefix("ctx.").rpartition(".")
        return name if name and number.isdecimal() else unit.removeprefix("ctx.")
    _, called, tool = unit.partition(".call_tool:")
    if called:
        return tool
    _, apart, name = unit.partition("__")
    return name if apart else unit
