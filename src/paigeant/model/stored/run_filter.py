"""Run filter of lists, bulk commands and pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated, Any, Final, TypeAlias
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from paigeant.errors import InvalidInput
from paigeant.model.runs import RunStatus, WaitReason
from paigeant.model.values.durations import parse_seconds
from paigeant.model.values.showing import did_you_mean, shown

HELD_BY_OTHERS: Final = (str(WaitReason.JOIN), str(WaitReason.CHILD), "approval")
"""Wait reasons of hops that are not stuck although they have no due time: other hops or signals make them due."""

NAMED: Final = 1_000
"""Limit of runs that a filter may name."""

STUCK_ENDS: Final = frozenset({RunStatus.FAILED, RunStatus.COMPENSATION_FAILED})
"""Final statuses that need a person."""


def _read_span(given: Any) -> Any:
    return timedelta(seconds=parse_seconds(given)) if isinstance(given, str) else given


Span: TypeAlias = Annotated[timedelta, BeforeValidator(_read_span)]


class RunFilter(BaseModel, frozen=True, extra="forbid"):
    """Filter that matches runs with all given fields; several values of one field are alternatives.

    ``workflow_id`` names single runs; ``reason`` is the wait reason of an open run, without the name of a signal;
    ``step`` the activity of an open hop, or the step at which the run ended; ``error`` the type of the error it ended
    with; ``forks_of`` the source of a fork; ``parent`` the run of which it is a child. ``stuck`` runs wait for a
    person, for code or for a worker, or failed. Times are those of the store; ``created_within`` and ``ended_within``
    are spans before now, by the store's clock.
    """

    workflow_id: Annotated[tuple[UUID, ...], Field(max_length=NAMED)] = ()
    status: tuple[RunStatus, ...] = ()
    reason: tuple[str, ...] = ()
    workflow: tuple[str, ...] = ()
    not_workflow: tuple[str, ...] = ()
    tenant: str | None = None
    correlation_id: str | None = None
    dispatch_key: str | None = None
    trace_id: str | None = None
    step: str | None = None
    error: str | None = None
    forks_of: UUID | None = None
    parent: UUID | None = None
    created_within: Span | None = None
    ended_within: Span | None = None
    created_after: datetime | None = None
    created_before: datetime | None = None
    ended_after: datetime | None = None
    ended_before: datetime | None = None
    stuck: bool = False

    def at(self, now: datetime) -> RunFilter:
        """Return the filter with spans replaced by times, given the time of the store."""
        if self.created_within is None and self.ended_within is None:
            return self
        created, ended = (
            _later(self.created_after, now, self.created_within),
            _later(self.ended_after, now, self.ended_within),
        )
        times = {"created_after": created, "ended_after": ended, "created_within": None, "ended_within": None}
        return self.model_copy(update=times)

    @property
    def said(self) -> dict[str, Any]:
        """Its fields as JSON data, without defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)


def _later(after: datetime | None, now: datetime, within: timedelta | None) -> datetime | None:
    """Return the later of a time and the beginning of a span; either may be None. An empty span matches nothing."""
    if within is None:
        return after
    begin = now - within + timedelta.resolution
    return begin if after is None else max(after, begin)


ALL_RUNS: Final = RunFilter()

_SEVERAL: Final = frozenset({"workflow_id", "status", "reason", "workflow", "not_workflow"})


def read_filter(pairs: Iterable[tuple[str, str]]) -> RunFilter:
    """Parse a filter from pairs of names and texts, such as those of ``--where status=failed`` or of a query string.

    Raises InvalidInput, naming the field and the valid ones.
    """
    said: dict[str, Any] = {}
    for name, text in pairs:
        field = name.replace("-", "_")
        if field not in RunFilter.model_fields:
            raise InvalidInput(f"runs have no {shown(name)}; {did_you_mean(field, RunFilter.model_fields)}")
        if field in _SEVERAL:
            said.setdefault(field, []).append(text)
        elif field in said:
            raise InvalidInput(f"{field} is said twice: {shown(said[field])} and {shown(text)}")
        else:
            said[field] = text
    try:
        return RunFilter.model_validate(said)
    except ValidationError as error:
        problem = error.errors(include_url=False)[0]
        field, given = str(problem["loc"][0]), problem["input"]
        if field == "status":
            raise InvalidInput(f"status is {shown(given)}; {did_you_mean(str(given), map(str, RunStatus))}") from None
        raise InvalidInput(f"{field} is {shown(given)}: {problem['msg']}") from None
