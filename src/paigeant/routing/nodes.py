"""Nodes: entries that are not activities. Each is leased twice: to begin its wait, and to leave it."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from pydantic import AwareDatetime, JsonValue, TypeAdapter, ValidationError

from paigeant.model.entries.entry import Entry
from paigeant.model.entries.sleep import Sleep
from paigeant.model.entries.wait import OnTimeout, Wait
from paigeant.model.hold import After, Hold, Signal, Until, WaitState
from paigeant.model.hops import Leased
from paigeant.model.limits import LONGEST
from paigeant.model.outcomes import Entered, Fault, Faulted, FaultKind, Outcome, Passed
from paigeant.model.values.durations import seconds_or_none
from paigeant.model.values.showing import shown
from paigeant.model.values.values import NULL, Value
from paigeant.routing.close import cancelled, deadline_passed

_TIME: Final = TypeAdapter(AwareDatetime)


def wanted_by(leased: Leased) -> str | None:
    """Return the variable that a node needs before it goes on, if any."""
    entry = leased.message.routing_slip.next_step()
    entering = leased.grant.wait is None
    return entry.variable if isinstance(entry, Sleep) and entering else None


def decide_node(leased: Leased, value: JsonValue = None) -> Outcome[Value]:
    """Return the outcome of a leased node; ``value`` is the variable that it needs, None if it is not set.

    It begins to wait, unless it has; then it is done, or its signal has timed out. It ends if its run is to be
    cancelled, or is past its deadline. Neither attempts nor interruptions exhaust a node.
    """
    grant = leased.grant
    if grant.cancel is not None:
        return cancelled(grant.cancel, begun=False)
    if grant.remaining is not None and grant.remaining <= 0:
        return deadline_passed(leased, begun=False)
    if leased.message.routing_slip.undecided:
        return Passed()  # the next entry is decided when the node is left
    entry = leased.message.routing_slip.next_step()
    match entry:
        case Sleep():
            return Passed() if grant.wait is not None else _begin_to_sleep(leased, entry, value)
        case Wait():
            return _wait(leased, entry)
        case _:
            return _fault("UnknownNode", f"no worker of this version knows what to do with {_named(entry)}")


def _named(entry: Entry | None) -> str:
    return "nothing" if entry is None else f"a {entry.kind}"


def _begin_to_sleep(leased: Leased, sleep: Sleep, value: JsonValue) -> Entered | Faulted:
    if sleep.duration is not None:
        return Entered(seconds=seconds_or_none(sleep.duration))
    text = sleep.time or value
    try:
        at = _TIME.validate_python(text, strict=not isinstance(text, str))
    except (ValidationError, OverflowError):
        said = "is not set" if value is None else f"is {shown(value)}"
        cure = "a date and time with its offset, as 2030-01-31T09:00:00Z"
        return _fault("InvalidTime", f"the run is to sleep until {sleep.until!r}, which {said}; it should be {cure}")
    latest = leased.grant.leased_at + LONGEST
    if at > latest:
        return _fault("InvalidTime", f"the run is to sleep until {at}, which is more than {LONGEST.days} days ahead")
    return Entered(until=at)


def _wait(leased: Leased, wait: Wait) -> Outcome[Value]:
    match leased.grant.wait:
        case None:
            return Entered(wait.signal, seconds_or_none(wait.timeout))
        case WaitState.MET:
            return Passed()  # the signal's payload was set on its arrival
        case _:
            if wait.on_timeout == OnTimeout.CONTINUE:
                return Passed({wait.signal: NULL})
            waited = timedelta(seconds=seconds_or_none(wait.timeout) or 0.0)
            return _fault("WaitTimeout", f"no signal {wait.signal!r} came within {waited}", FaultKind.TIMEOUT)


def _fault(kind: str, text: str, of: FaultKind = FaultKind.ERROR) -> Faulted:
    return Faulted(Fault(type=kind, message=text, kind=of), begun=False)


def held_by(entered: Entered) -> Hold:
    """Return the hold of a node that begins to wait."""
    if entered.signal is not None:
        return Signal(entered.signal, entered.seconds)
    return Until(entered.until) if entered.until is not None else After(entered.seconds or 0.0)
