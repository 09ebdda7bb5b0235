"""Leaving a hop: the reads before its commit, and the state from which the next messages are made."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from paigeant.aio.backoff import Backoff
from paigeant.engine.custody.recorded import notes_of
from paigeant.engine.hop.joining import see_ahead, sees_nothing
from paigeant.engine.hop.leases import ActiveLease
from paigeant.engine.hop.results import Execution
from paigeant.engine.runtime import Runtime
from paigeant.errors import Unavailable
from paigeant.model.custody.notes import HopNotes
from paigeant.model.fan.outcomes import AnyOutcome
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Entered, InterfaceMismatch, Parked, Retrying
from paigeant.routing.conditions import Seen

PATIENCE: Final = (0.1, 2.0)
"""Seconds between attempts to read while the store is away: at first, doubling, and at most."""

_STAYING: Final = (Retrying, Parked, InterfaceMismatch, Entered)


class Before(NamedTuple):
    """Reads before a hop is left: values for the conditions ahead, and digests of what its step recorded."""

    seen: Seen
    notes: HopNotes | None


async def read_before(runtime: Runtime, active: ActiveLease, execution: Execution) -> Before:
    """Return what a hop needs to be left; while the store is away, try again as with a commit.

    What a step has recorded is named by the record of a hop that is left, and of one that stays there is none.
    """
    backoff: Backoff | None = None
    while True:
        try:
            seen: Seen = {}
            if not sees_nothing(runtime, active.leased, execution):
                seen = await see_ahead(runtime, active.leased, execution)
            stays = isinstance(execution.outcome, _STAYING)
            return Before(seen, None if stays else await notes_of(runtime, active.leased, active.progress.notes))
        except Unavailable as error:
            runtime.trouble(f"reading what {active.held.key.message_id} leaves with", error)
            if active.good_until <= runtime.clock():
                raise
        backoff = backoff or Backoff(*PATIENCE)
        await backoff.pause()


def as_left(active: ActiveLease, outcome: AnyOutcome) -> Leased:
    """Return the step as it is left with this outcome: with its spans, for the next messages.

    Its cached variables are dropped if it has set others while it ran.
    """
    leased = replace(active.leased, variables=None) if active.progress.saved else active.leased
    trail = None if active.span is None else active.span.trail(outcome)
    return leased if trail is None else replace(leased, trail=trail)
