"""Recorded calls as they are shown: the step, the kind of call, and its cost."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Final, NamedTuple
from uuid import UUID

from pydantic import BaseModel, field_serializer

from paigeant.model.spending.costs import decimal_text

CALLS: Final = 10_000
"""Limit of shown calls of a run."""


class CallRow(NamedTuple):
    """A checkpoint at the place of its hop, without its payload, whose stored ``size`` is in bytes."""

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
    """A call that a step has recorded; for a request, the answering model and the cost, ``usd`` None without a price.

    ``name`` is the called function, ``took`` is in seconds, ``size`` in bytes as stored. ``lease`` is the number of the
    lease under which it was recorded: if it is not the step's newest lease, a later attempt has found the result.
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
    """Return a call's name from its key: the tool, the unit of an agent's run, or the name of ``ctx.checkpoint``."""
    unit = re.sub(r"^(began|failed) \d+ ", "", key).partition("@")[0]
    if unit.startswith("ctx."):
        name, _, number = unit.removeprefix("ctx.").rpartition(".")
        return name if name and number.isdecimal() else unit.removeprefix("ctx.")
    _, called, tool = unit.partition(".call_tool:")
    if called:
        return tool
    _, apart, name = unit.partition("__")
    return name if apart else unit
