"""Code and rules of steps that this worker serves; computed once for each plan and entry."""

from __future__ import annotations

import inspect
from collections.abc import Collection, Mapping
from typing import Final, NamedTuple, Self
from weakref import WeakKeyDictionary

from paigeant.activities.handlers import Handler
from paigeant.activities.interfaces import mismatch
from paigeant.activities.registry import ActivityRegistry
from paigeant.model.entries.step import Step
from paigeant.model.hops import Leased
from paigeant.model.message import PaigeantMessage
from paigeant.model.plan_text import PlanText
from paigeant.model.runs import Direction
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import NULL, Inline, Value
from paigeant.routing.admit import dispatched_against
from paigeant.routing.rules import Rules

_FORWARD: Final = frozenset({"payload", "previous"})
_BACK: Final = frozenset({"log", "output", "payload", "fault"})


class Served(NamedTuple):
    """Code and rules of a step, and the reason why the code does not fit the step, if it does not.

    ``explicit`` are the arguments that the step itself has, ``wanted`` the names that only variables can provide. The
    code ``awaits`` if it is a coroutine function; else it runs in a thread.
    """

    handler: Handler
    rules: Rules
    misfit: str | None
    explicit: Mapping[str, Value]
    wanted: tuple[str, ...]
    awaits: bool

    @classmethod
    def of(
        cls, message: PaigeantMessage, handler: Handler, explicit: Mapping[str, Value], at_hand: Collection[str]
    ) -> Self:
        """Return the code and rules for a message, given the names ``at_hand`` without variables."""
        wanted = tuple(name for name in handler.signature.names if name not in at_hand)
        awaits = inspect.iscoroutinefunction(handler.function)
        return cls(handler, Rules.of(message, handler), None, explicit, wanted, awaits)

    def lacks(self, bound: Collection[str]) -> bool:
        """True if a required argument is not among these."""
        return any(each.required and each.name not in bound for each in self.handler.signature.parameters)


class ServedSteps:
    """Finds code and rules of steps. Those of a plan are cached as long as the plan is referenced."""

    def __init__(self, registry: ActivityRegistry) -> None:
        """Serve the activities of ``registry``."""
        self._registry = registry
        self._known: WeakKeyDictionary[PlanText, dict[int, Served]] = WeakKeyDictionary()

    def find(self, leased: Leased) -> Served | None:
        """Return code and rules of a step, None if its activity has no compensation here.

        Raises KeyError if the activity is not served here at all.
        """
        message = leased.message
        activity = self._registry[message.topic]
        if message.headers.direction is Direction.COMPENSATE:
            handler = activity.compensate
            if handler is None:
                return None
            return Served.of(message, handler, {}, _BACK)
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
        served = Served.of(message, handler, explicit, _FORWARD | explicit.keys())
        return served._replace(misfit=self._misfit(message))

    def _misfit(self, message: PaigeantMessage) -> str | None:
        dispatched, served = dispatched_against(message), self._registry.interface(message.topic)
        if dispatched is None or served is None or dispatched == served:
            return None
        return mismatch(dispatched, served)


def reserved_values(leased: Leased) -> dict[str, Value]:
    """Return the values of the reserved names for this step."""
    message = leased.message
    payload = message.payload
    if message.headers.direction is not Direction.COMPENSATE:
        return {"payload": payload.input, "previous": payload.previous or payload.input}
    record = leased.grant.record
    output = (record and record.output) or NULL
    fault = Inline(payload.fault.model_dump_json().encode()) if payload.fault else NULL
    return {"log": (record and record.log) or output, "output": output, "payload": payload.input, "fault": fault}
