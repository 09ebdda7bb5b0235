"""Run filter of lists, bulk commands and pages."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from pydantic import BaseModel, ValidationError

from paigeant.errors import InvalidInput
from paigeant.model.runs import RunStatus, WaitReason
from paigeant.model.values.showing import did_you_mean, shown

HELD_BY_OTHERS: Final = (str(WaitReason.JOIN), str(WaitReason.CHILD), "approval")
"""Wait reasons of hops that are not stuck although they have no due time: other hops or signals make them due."""

STUCK_ENDS: Final = frozenset({RunStatus.FAILED, RunStatus.COMPENSATION_FAILED})
"""Final statuses that need a person."""


class RunFilter(BaseModel, frozen=True, extra="forbid"):
    """Filter that matches runs with all given fields; several values of one field are alternatives.

    ``reason`` is the wait reason of an open run, without the name of a signal; ``step`` the activity of an open hop, or
    the step at which the run ended; ``error`` the type of the error it ended with; ``forks_of`` the source of a fork.
    ``stuck`` runs wait for a person, for code or for a worker, or failed. Times are those of the store.
    """

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
    created_after: datetime | None = None
    created_before: datetime | None = None
    ended_after: datetime | None = None
    ended_before: datetime | None = None
    stuck: bool = False

    @property
    def said(self) -> dict[str, Any]:
        """Its fields as JSON data, without defaults."""
        return self.model_dump(mode="json", exclude_defaults=True)


_SEVERAL: Final = frozenset({"status", "reason", "workflow", "not_workflow"})


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
