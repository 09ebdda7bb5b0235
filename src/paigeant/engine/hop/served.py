"""What a worker has for a step: its code, its rules, and how arguments are bound; made once for each plan and place."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple
from weakref import WeakKeyDictionary

from pydantic_core import to_json

from paigeant.activities.binding import Signature
from paigeant.activities.handlers import Handler
from paigeant.activities.interfaces import mismatch
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.entries.step import Step
from paigeant.model.hops import Leased
from paigeant.model.message import PaigeantMessage
from paigeant.model.plan_text import PlanText
from paigeant.model.runs import Direction
from paigeant.model.values.values import NULL, Inline, Value
from paigeant.routing import Rules, dispatched_against

_FORWARD: Final = frozenset({"payload", "previous"})
_BACK: Final = frozenset({"log", "output", "payload", "fault"})


class Served(NamedTuple):
    """What this worker has for a step: its code, the rules, and why the code does not fit the step, if it does not.

    ``explicit`` are the arguments that the step itself brings, ``wanted`` the names that only variables can give.
    """

    handler: Handler
    rules: Rules
    misfit: str | None
    explicit: Mapping[str, Value]
    wanted: tuple[str, ...]


class ServedSteps:
    """Finds what there is to run a step. Of a plan all is kept for as long as anybody has the plan."""

    def __init__(self, registry: ActivityRegistry) -> None:
        """Serve the activities of ``registry``."""
        self._registry = registry
        self._known: WeakKeyDictionary[PlanText, dict[int, Served]] = WeakKeyDictionary()

    def find(self, leased: Leased) -> Served | None:
        """Return what there is to run a step, None if its activity has no compensation here.

        Raises KeyError if the activity is not served here at all.
        """
        message = leased.message
        activity = self._registry[message.topic]
        if message.headers.direction is Direction.COMPENSATE:
            handler = activity.compensate
            if handler is None:
                return None
            return Served(handler, Rules.of(message, handler), None, {}, _wanted(handler, _BACK))
        itinerary = message.routing_slip.itinerary
        known = self._known.get(itinerary.plan)
        if known is None:
            known = self._known[itinerary.plan] = {}
        served = known.get(itinerary.at)
        if served is None:
            served = known[itinerary.at] = self._make(message, activity.execute, itinerary.step)
        return served if served.misfit is None or not leased.grant.accepted else served._replace(misfit=None)

    def _make(self, message: PaigeantMessage, handler: Handler, step: Step) -> Served:
        arguments: dict[str, Value] = {name: Inline(to_json(value)) for name, value in step.arguments.items()}
        explicit = arguments | step.claims
        wanted = _wanted(handler, _FORWARD | explicit.keys())
        return Served(handler, Rules.of(message, handler), self._misfit(message), explicit, wanted)

    def _misfit(self, message: PaigeantMessage) -> str | None:
        dispatched, served = dispatched_against(message), self._registry.interface(message.topic)
        if dispatched is None or served is None or dispatched == served:
            return None
        return mismatch(dispatched, served)


def _wanted(handler: Handler, at_hand: frozenset[str]) -> tuple[str, ...]:
    return tuple(name for name in handler.signature.names if name not in at_hand)


def asked_of(signature: Signature, reserved: Mapping[str, Value], known: Collection[str]) -> Mapping[str, Value]:
    """Return those reserved values that a step's arguments ask for; all, if a name may be a field of the input."""
    names = set(signature.names)
    fields = not names <= {*known, *reserved}
    return reserved if fields else {name: value for name, value in reserved.items() if name in names}


def reserved_values(leased: Leased) -> dict[str, Value]:
    """Return what the reserved names mean for this step."""
    message = leased.message
    payload = message.payload
    if message.headers.direction is not Direction.COMPENSATE:
        return {"payload": payload.input, "previous": payload.previous or payload.input}
    record = leased.grant.record
    output = (record and record.output) or NULL
    fault = Inline(payload.fault.model_dump_json().encode()) if payload.fault else NULL
    return {"log": (record and record.log) or output, "output": output, "payload": payload.input, "fault": fault}
