"""Parsing of stored plans: from the store, by digest, or from a message that contains its own."""

from __future__ import annotations

from typing import Annotated, Any, Final, TypeAlias, cast

from pydantic import ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass
from pydantic_core import from_json

from paigeant.model.entries.entry import copied
from paigeant.model.entries.kinds import read_entry
from paigeant.model.entries.step import Step, steps_of
from paigeant.model.limits import DEPTH, NESTED, PLAN_BYTES, STEPS
from paigeant.model.plan_text import Planned, PlanText
from paigeant.model.values.nesting import nesting
from paigeant.model.values.values import Blob

ENTRY_DEPTH: Final = 3
"""Depth of an argument within the entries of a plan."""

_DEPTH: Final = DEPTH + ENTRY_DEPTH + 4 * NESTED
"""Greatest depth of an argument within a plan, also within nested entries."""

Place: TypeAlias = Annotated[str, Field(pattern=r"^\d{1,19}(\.\d{1,19})?$")]


@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid", allow_inf_nan=False))
class _WrittenStep(Step):
    """Entry of a plan that is a step, and the place of its insertion."""

    place: Place | None = None


_STEPS: Final = TypeAdapter(tuple[_WrittenStep, ...])
_PLACE: Final = TypeAdapter[str | None](Place | None)
_KIND: Final = b'"kind":'


def read_entries(text: bytes) -> PlanText:
    """Parse a plan from a JSON array of entries; raises ValueError for an invalid one."""
    return PlanText(_planned(text))


def _planned(text: bytes) -> list[Planned]:
    if _KIND in text:  # possibly within an argument
        planned = [_read_entry(said) for said in from_json(text)]
    else:
        planned = [Planned(copied(step, Step), step.place) for step in _STEPS.validate_json(text)]
    if any(step.id is not None for step in steps_of(entry for entry, _ in planned)):
        raise ValueError("an entry with an id: it follows from the run and the place")
    return planned


def _read_entry(said: dict[str, Any]) -> Planned:
    place = said.pop("place", None) if isinstance(cast("Any", said), dict) else None
    return Planned(read_entry(said), _PLACE.validate_python(place))


def read_plan(stored: Blob) -> PlanText:
    """Parse a stored plan; raises ValueError for one that no run may have."""
    check_plan_size(len(stored.json))
    if nesting(stored.json, _DEPTH) > _DEPTH:
        raise ValueError(f"an entry of its itinerary that nests deeper than {DEPTH}")
    plan = PlanText(_planned(stored.json), stored)
    check_steps(plan.size)
    return plan


def check_plan_size(size: int) -> None:
    """Raise ValueError if an itinerary has more than 1 MiB."""
    if size > PLAN_BYTES:
        raise ValueError(f"an itinerary of {size} bytes, which is more than {PLAN_BYTES}")


def check_steps(count: int) -> None:
    """Raise ValueError if an itinerary has more than 2,000 entries."""
    if count > STEPS:
        raise ValueError(f"an itinerary of {count} entries; a run has at most {STEPS}")
