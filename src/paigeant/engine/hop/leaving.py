"""State of a step when it is left, from which the next messages are made."""

from __future__ import annotations

from dataclasses import replace

from paigeant.engine.hop.leases import ActiveLease
from paigeant.model.fan.outcomes import AnyOutcome
from paigeant.model.hops import Leased


def as_left(active: ActiveLease, outcome: AnyOutcome) -> Leased:
    """Return the step as it is left with this outcome: with its spans, for the next messages.

    Its cached variables are dropped if it has set others while it ran.
    """
    leased = replace(active.leased, variables=None) if active.progress.saved else active.leased
    trail = None if active.span is None else active.span.trail(outcome)
    return leased if trail is None else replace(leased, trail=trail)
