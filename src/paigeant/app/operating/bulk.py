"""Bulk commands: one verb for all runs that match a filter, a hundred at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Final, Protocol
from uuid import UUID

from pydantic import BaseModel

from paigeant.abc import Store
from paigeant.errors import InvalidInput, RequestError
from paigeant.model.runs import OPEN, RESUMABLE, RunStatus
from paigeant.model.stored.run_filter import RunFilter

BATCH: Final = 100
"""Runs in one batch."""

MOST: Final = 10_000
"""Limit of runs in one call."""

EXAMPLES: Final = 5
"""Number of matching runs that are shown as examples."""


class Steered(Protocol):
    """Target of a bulk command: :class:`paigeant.Run`."""

    async def retry(self) -> RunStatus:
        """Run again from where it failed or waits; raises WrongState."""
        ...

    async def cancel(self) -> RunStatus:
        """Request its cancellation."""
        ...

    async def terminate(self) -> RunStatus:
        """End it now."""
        ...


class Verb(StrEnum):
    """Commands that can be applied to many runs."""

    RETRY = "retry"
    CANCEL = "cancel"
    TERMINATE = "terminate"


class Refused(BaseModel, frozen=True):
    """A run that refused the command."""

    workflow_id: UUID
    why: str


class Matched(BaseModel, frozen=True):
    """Runs that a bulk command would affect: their number (10,001 means more than 10,000), and some examples."""

    matched: int
    examples: tuple[UUID, ...]


class BulkResult(BaseModel, frozen=True):
    """Result of a bulk command."""

    matched: int
    done: int
    refused: tuple[Refused, ...] = ()


def narrowed(verb: Verb, asked: RunFilter) -> RunFilter:
    """Return the filter restricted to runs that the command applies to; raises InvalidInput if none can match."""
    possible = RESUMABLE if verb is Verb.RETRY else OPEN
    if not asked.status:
        return asked.model_copy(update={"status": tuple(sorted(possible))})
    if not possible.intersection(asked.status):
        there = ", ".join(sorted(possible))
        raise InvalidInput(f"{verb} is for runs that are {there}; not for {', '.join(asked.status)}")
    return asked.model_copy(update={"status": tuple(each for each in asked.status if each in possible)})


async def match(store: Store, verb: Verb, asked: RunFilter) -> Matched:
    """Return the runs that the command would affect."""
    wanted = narrowed(verb, asked)
    page = await store.list_runs(wanted, limit=EXAMPLES)
    return Matched(matched=await store.count_runs(wanted), examples=tuple(run.workflow_id for run in page.runs))


async def do_to_all(
    store: Store, run: Callable[[UUID], Steered], verb: Verb, asked: RunFilter, limit: int = MOST
) -> BulkResult:
    """Apply the command to matching runs, newest first, ``limit`` at most; a refusal does not affect the others."""
    wanted, after, matched, done = narrowed(verb, asked), None, 0, 0
    refused: list[Refused] = []
    while matched < limit:
        page = await store.list_runs(wanted, limit=min(BATCH, limit - matched), after=after)
        matched += len(page.runs)
        for each in page.runs:
            try:
                await _verb(run(each.workflow_id), verb)
                done += 1
            except RequestError as error:
                refused.append(Refused(workflow_id=each.workflow_id, why=str(error)))
        after = page.next
        if after is None:
            break
    return BulkResult(matched=matched, done=done, refused=tuple(refused))


def _verb(run: Steered, verb: Verb) -> Awaitable[object]:
    match verb:
        case Verb.RETRY:
            return run.retry()
        case Verb.CANCEL:
            return run.cancel()
        case Verb.TERMINATE:
            return run.terminate()
