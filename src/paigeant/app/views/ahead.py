"""Itinerary ahead of a run: read from the message of its newest hop, which only the codec can open."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from paigeant.engine.custody.plans import with_its_plan
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected
from paigeant.model.entries.entry import Entry
from paigeant.model.message import HopKey
from paigeant.model.runs import Direction, RunStatus, RunView


async def with_steps_ahead(runtime: Runtime, view: RunView) -> RunView:
    """Return the view with the steps ahead; without them if message or plan cannot be opened here."""
    if view.status is RunStatus.COMPLETED:
        return view
    body = await _newest_message(runtime, view)
    try:
        ahead = () if body is None else await _entries_ahead(runtime, body)
    except MessageRejected:
        return view
    return view.model_copy(update={"ahead": tuple(entry.label for entry in ahead)})


async def signals_ahead(runtime: Runtime, view: RunView) -> tuple[str, ...]:
    """Return the signals of the waits ahead, in order; none if message or plan cannot be opened here."""
    body = await _newest_message(runtime, view)
    try:
        entries = () if body is None else await _entries_ahead(runtime, body)
    except MessageRejected:
        return ()
    return tuple(_signals(entries))


def _signals(entries: Iterable[Entry]) -> Iterator[str]:
    for entry in entries:
        if entry.awaits is not None:
            yield entry.awaits
        if not entry.separate:
            yield from _signals(entry.inner)


async def _newest_message(runtime: Runtime, view: RunView) -> bytes | None:
    """Return the message of the newest forward hop; skipped and chosen entries have records without a message."""
    for hop in reversed(view.journey):
        if not hop.path and hop.direction is Direction.EXECUTE:
            body = await runtime.store.get_message(HopKey(view.workflow_id, "", hop.position))
            if body:
                return body
    return None


async def _entries_ahead(runtime: Runtime, body: bytes) -> tuple[Entry, ...]:
    itinerary = (await with_its_plan(runtime, runtime.codec.open(body).message)).routing_slip.itinerary
    return tuple(entry for entry, _ in itinerary.plan.entries[itinerary.at + 1 :])
