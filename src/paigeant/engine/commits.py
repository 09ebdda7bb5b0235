"""Commits: from an outcome to the writes of a hop, with the sealed bytes of the next messages."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Final, NamedTuple

from uuid_utils.compat import uuid4

from paigeant.abc import Departure
from paigeant.activities.faults import describe
from paigeant.engine.custody.notes import signed_detail
from paigeant.engine.flow.tree import seal_child
from paigeant.engine.runtime import Runtime
from paigeant.errors import PaigeantError
from paigeant.model.calls.histories import History
from paigeant.model.custody.notes import HopNotes
from paigeant.model.fan.outcomes import AnyOutcome, FannedOut
from paigeant.model.hops import Commit, Grant, Leased, Twin
from paigeant.model.outcomes import Fault
from paigeant.model.plan_text import Itinerary, PlanText
from paigeant.model.runs import StepStatus
from paigeant.model.transition import Transition
from paigeant.model.values.values import Blob, Value
from paigeant.routing.advance import advance
from paigeant.routing.fail import give_up
from paigeant.routing.messages import error_at


class Beside(NamedTuple):
    """Parts of a commit in addition to the outcome: ``bound`` arguments, large values, progress and history.

    ``detail`` is the step's last progress, stored if the step is not done; ``history`` is stored if it is. ``closed``
    is True if its run ends without the step being run; ``saved`` are variables that it set while it ran, ``notes`` the
    digests of the calls that it recorded.
    """

    bound: Mapping[str, Value] | None = None
    blobs: Sequence[Blob] = ()
    detail: bytes | None = None
    history: History | None = None
    closed: bool = False
    saved: Mapping[str, Value] = MappingProxyType({})
    notes: HopNotes | None = None


_NOTHING: Final = Beside()


def _takes_none(twin: Twin) -> bool:
    del twin
    return False


def commit_outcome(
    runtime: Runtime,
    leased: Leased,
    outcome: AnyOutcome,
    beside: Beside = _NOTHING,
    takes: Callable[[Twin], bool] = _takes_none,
) -> Commit:
    """Return the commit of a hop with this outcome: the transition, the next twins, and its signed record.

    The first twin that ``takes`` accepts is requested for a hand-over. If the result cannot travel, for example in a
    message that is too large, the step fails for good: another attempt would have the same result. If the step belongs
    to a branch next to others that have begun, these end first. Raises any error of a broken codec.
    """
    owner = runtime.owner
    try:
        departure = _departure(owner, advance(leased, outcome), beside)
        sealed = runtime.codec.depart(leased, departure)
        child = seal_child(runtime, leased, departure.transition.child)
    except PaigeantError as error:
        departure = _departure(owner, _give_up(leased, outcome, describe(error)), beside)
        sealed, child = runtime.codec.depart(leased, departure), None
    transition = departure.transition
    twins = [Twin.of(message, one, hold) for (message, hold), one in zip(transition.next, sealed.messages, strict=True)]
    if sealed.branches:
        twins = [replace(twin, record=record) for twin, record in zip(twins, sealed.branches, strict=True)]
    plans = _new_plans(leased.message.routing_slip.itinerary, transition) if twins else ()
    for plan in plans:
        runtime.plans.keep(plan)
    done, headers = transition.hop.status is StepStatus.COMPLETED, leased.message.headers
    return Commit(
        *(leased.grant.held, owner, uuid4(), transition, tuple(twins)),
        hand_over=next((twin.key for twin in twins if takes(twin)), None),
        blobs=tuple(beside.blobs),
        detail=None if done else signed_detail(runtime, leased, beside.detail),
        input=beside.bound,
        record=sealed.record,
        plans=tuple(plan.blob for plan in plans) if plans else (),
        history=beside.history if done else None,
        child=child,
        granted=None if headers.security.obo_token is None else headers.run.root,
    )


def _departure(owner: str, transition: Transition, beside: Beside) -> Departure:
    notes = beside.notes
    if notes is not None and beside.history is not None and transition.hop.status is StepStatus.COMPLETED:
        notes = notes._replace(history=beside.history.digest)
    return Departure(owner, transition, beside.bound, beside.closed, beside.saved, notes)


def _give_up(leased: Leased, outcome: AnyOutcome, fault: Fault) -> Transition:
    if isinstance(outcome, FannedOut) and outcome.branches and outcome.start is None:
        return advance(leased, FannedOut(error=error_at(leased.message, fault)))
    return give_up(leased, fault)


def commit_transition(runtime: Runtime, grant: Grant, transition: Transition, twins: tuple[Twin, ...] = ()) -> Commit:
    """Return the commit of one execution, with a new execution id."""
    return Commit(grant.held, runtime.owner, uuid4(), transition, twins)


def _new_plans(itinerary: Itinerary, transition: Transition) -> list[PlanText]:
    """Return the plans of the next messages, without the one that the run follows already."""
    ahead = [message.routing_slip.itinerary for message, _ in transition.next]
    new = {id(each.plan): each.plan for each in ahead if each.plan is not itinerary.plan and each.ref is not None}
    return list(new.values())
