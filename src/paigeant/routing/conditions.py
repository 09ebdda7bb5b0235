"""Conditions of the entries ahead: the next entry, the skipped ones, and the names that must be loaded."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple
from uuid import UUID
from weakref import WeakKeyDictionary

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.model.entries.entry import Choice, Entry
from paigeant.model.entries.step import Step
from paigeant.model.limits import OFFERED_BYTES
from paigeant.model.outcomes import Fault
from paigeant.model.plan_text import Itinerary, PlanText
from paigeant.model.routing_slip import PassedEntry, RoutingSlip
from paigeant.model.runs import StepStatus
from paigeant.routing.cel import Unevaluable, read_condition

_NONE: Final = frozenset[str]()
_ASKED: Final = WeakKeyDictionary[PlanText, Sequence[frozenset[str]]]()
"""Cache of the names that conditions use from each entry of a plan on."""

Seen = Mapping[str, bytes | int]
"""Values for conditions, by name: JSON texts, or the size in bytes of one that is too large."""


class Decided(NamedTuple):
    """Next entry: the first of the itinerary, whose condition is true; the itinerary is empty at the end.

    ``passed`` are those before it, the first of them at the given position. ``fault`` is set if the first entry's
    condition, or one of its conditions, cannot be evaluated.
    """

    itinerary: Itinerary
    passed: tuple[PassedEntry, ...] = ()
    fault: Fault | None = None


def decide(itinerary: Itinerary, position: int, seen: Seen) -> Decided:
    """Return the next entry of an itinerary whose next hop has this position."""
    if not itinerary or itinerary.plain:  # no conditions, as in most runs
        return Decided(itinerary)
    values, passed = _Values(seen), list[PassedEntry]()
    while itinerary:
        entry, at = itinerary.next, position + len(passed)
        try:
            choice = entry.choose(values.hold)
            if choice is None:
                break
            passed.append(_passed(entry, at, itinerary.step_id, choice))
            itinerary = itinerary.opened(choice.entries, at)
        except (Unevaluable, ValueError) as error:  # ValueError: a condition that this version cannot parse
            return Decided(itinerary, tuple(passed), Fault(type="ConditionFailed", message=str(error)))
    return Decided(itinerary, tuple(passed))


def begin(itinerary: Itinerary, seen: Seen) -> tuple[RoutingSlip, tuple[PassedEntry, ...]]:
    """Return the slip with which a run begins, and the entries that it passes before its first hop.

    A worker decides what the dispatch cannot, at the place of the entry: a condition that cannot be evaluated, and the
    end of a run whose entries are all skipped or that has none, which is written by a hop like any other.
    """
    if not itinerary:
        return RoutingSlip(undecided=True), ()
    ahead = decide(itinerary, 1, seen)
    if not ahead.itinerary:
        return RoutingSlip(itinerary.settled, undecided=True), ()
    undecided = ahead.fault is not None
    return RoutingSlip(ahead.itinerary.settled if undecided else ahead.itinerary, undecided=undecided), ahead.passed


def asked_by(entries: Iterable[Entry]) -> frozenset[str]:
    """Return the names that conditions use until the next of these entries is decided.

    For an itinerary they are computed once for all hops of its plan.
    """
    if isinstance(entries, Itinerary):
        plan = entries.plan
        found = _ASKED.get(plan)
        if found is None:
            found = _ASKED[plan] = _asked_from([entry for entry, _ in plan.entries])
        return found[entries.at]
    return _asked_from(list(entries))[0]


def _asked_from(entries: Sequence[Entry]) -> Sequence[frozenset[str]]:
    """Return the names used from each of these entries on, and none from the end."""
    found = [_NONE]
    for entry in reversed(entries):
        own = _asked_in(entry)
        found.append(_NONE if own is None else found[-1] if own <= found[-1] else own | found[-1])
    return found[::-1]


def _asked_in(entry: Entry) -> frozenset[str] | None:
    """Return the names in the conditions of this entry; None if it has none, so that it is next."""
    if not entry.conditions:
        return None
    return _NONE.union(*map(names_asked_by, entry.conditions), *map(asked_by, entry.ways))


def check_conditions(entries: Iterable[Entry]) -> None:
    """Raise ValueError, with the error and its column, for an invalid condition."""
    for entry in entries:
        for when in entry.conditions:
            read_condition(when)
        check_conditions(entry.inner)


@dataclass(slots=True)
class _Values:
    """Values for conditions, parsed once each."""

    seen: Seen

    def hold(self, when: str) -> bool:
        condition = read_condition(when)
        there = {name: self.seen[name] for name in condition.names if name in self.seen}
        values: dict[str, JsonValue] = {
            name: from_json(text) for name, text in there.items() if isinstance(text, bytes)
        }
        withheld = {
            name: f"is {size:,} bytes, and more than {OFFERED_BYTES:,} are not offered"
            for name, size in there.items()
            if isinstance(size, int)
        }
        return condition.holds(values, withheld)


def _passed(entry: Entry, position: int, identity: UUID, choice: Choice) -> PassedEntry:
    status = StepStatus.SKIPPED if choice.skipped else StepStatus.COMPLETED
    kind = None if isinstance(entry, Step) else entry.kind
    return PassedEntry(position, entry.topic, identity, status, choice.reason, kind)


def names_asked_by(when: str) -> frozenset[str]:
    """Return the names that a condition uses; none if it is invalid."""
    try:
        return read_condition(when).names
    except ValueError:
        return frozenset()  # the decision reports the error
