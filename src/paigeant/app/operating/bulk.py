"""Bulk commands: one verb for all runs that match a filter, a hundred at a time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import Any, Final, Protocol
from uuid import UUID

from pydantic import BaseModel, JsonValue

from paigeant.abc import Store
from paigeant.errors import InvalidInput, RequestError
from paigeant.model.runs import OPEN, RESUMABLE, RunStatus
from paigeant.model.stored.run_filter import ALL_RUNS, RunFilter

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

    async def signal(self, name: str, payload: Any = None, *, signal_id: str | None = None) -> object:
        """Send a signal to it; raises InvalidInput and WrongState."""
        ...


class Verb(StrEnum):
    """Commands that can be applied to many runs."""

    RETRY = "retry"
    CANCEL = "cancel"
    TERMINATE = "terminate"
    SIGNAL = "signal"


class Order(BaseModel, frozen=True, extra="forbid"):
    """Verb for all runs that match a filter. The other fields are those of a signal."""

    verb: Verb
    where: RunFilter = ALL_RUNS
    name: str | None = None
    payload: JsonValue = None
    signal_id: str | None = None

    def narrowed(self) -> RunFilter:
        """Return the filter restricted to runs that the verb applies to; raises InvalidInput if none can match."""
        possible = RESUMABLE if self.verb is Verb.RETRY else OPEN
        asked = self.where.status
        if asked and not possible.intersection(asked):
            there = ", ".join(sorted(possible))
            raise InvalidInput(f"{self.verb} is for runs that are {there}; not for {', '.join(asked)}")
        fitting = tuple(each for each in asked if each in possible) if asked else tuple(sorted(possible))
        return self.where.model_copy(update={"status": fitting})

    def give(self, run: Steered) -> Awaitable[object]:
        """Apply the verb to a run; raises RequestError if it refuses."""
        match self.verb:
            case Verb.RETRY:
                return run.retry()
            case Verb.CANCEL:
                return run.cancel()
            case Verb.TERMINATE:
                return run.terminate()
            case Verb.SIGNAL:
                return run.signal(self.name or "", self.payload, signal_id=self.signal_id)


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


async def match(store: Store, order: Order) -> Matched:
    """Return the runs that the command would affect."""
    wanted = order.narrowed()
    page = await store.list_runs(wanted, limit=EXAMPLES)
    return Matched(matched=await store.count_runs(wanted), examples=tuple(run.workflow_id for run in page.runs))


async def do_to_all(store: Store, run: Callable[[UUID], Steered], order: Order, limit: int = MOST) -> BulkResult:
    """Apply the verb to matching runs, newest first, ``limit`` at most; a refusal does not affect the others.

    Raises InvalidInput for a signal without a name.
    """
    if order.verb is Verb.SIGNAL and not order.name:
        raise InvalidInput("name is missing: the name of the signal")
    wanted, after, matched, done = order.narrowed(), None, 0, 0
    refused: list[Refused] = []
    while matched < limit:
        page = await store.list_runs(wanted, limit=min(BATCH, limit - matched), after=after)
        matched += len(page.runs)
        for each in page.runs:
            try:
                await order.give(run(each.workflow_id))
                done += 1
            except RequestError as error:
                refused.append(Refused(workflow_id=each.workflow_id, why=str(error)))
        after = page.next
        if after is None:
            break
    return BulkResult(matched=matched, done=done, refused=tuple(refused))
