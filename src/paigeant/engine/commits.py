"""Commits: from an outcome to what is to be written, with the sealed bytes of what follows."""

from __future__ import annotations

from dataclasses import replace

from uuid_utils.compat import uuid4

from paigeant.abc import Codec
from paigeant.activities.faults import describe
from paigeant.engine.runtime import Runtime
from paigeant.errors import PaigeantError
from paigeant.model.hops import Commit, Grant, Leased, Twin
from paigeant.model.outcomes import Outcome
from paigeant.model.plan_text import Itinerary, PlanText
from paigeant.model.transition import Transition
from paigeant.model.values.values import Value
from paigeant.routing import advance, give_up


def commit_outcome(runtime: Runtime, leased: Leased, outcome: Outcome[Value]) -> Commit:
    """Return what a hop wants written that came to this outcome: the transition, and the twins of what follows.

    What cannot travel, as a message that is too large, faults the step: another attempt would come to the same. The
    codec attests a hop that ends its run. Raises what is raised by a codec that is broken.
    """
    try:
        transition = advance(leased, outcome)
        twins = _seal(runtime.codec, transition)
    except PaigeantError as error:
        transition = give_up(leased, describe(error))
        twins = _seal(runtime.codec, transition)
    # Where the run ends with the hop, no message follows whose seal vouches for it.
    attestation = None if transition.end is None else runtime.codec.attest(leased, transition)
    commit = commit_transition(runtime, leased.grant, transition, twins)
    plans = _new_plans(leased.message.routing_slip.itinerary, transition)
    if attestation is None and not plans:
        return commit
    for plan in plans:
        runtime.plans.keep(plan)
    return replace(commit, attestation=attestation, plans=tuple(plan.blob for plan in plans))


def commit_transition(runtime: Runtime, grant: Grant, transition: Transition, twins: tuple[Twin, ...] = ()) -> Commit:
    """Return the commit of one execution, under a name of its own."""
    return Commit(grant.held, runtime.owner, uuid4(), transition, twins)


def _seal(codec: Codec, transition: Transition) -> tuple[Twin, ...]:
    return tuple(Twin.of(message, codec.seal(message), hold) for message, hold in transition.next)


def _new_plans(itinerary: Itinerary, transition: Transition) -> list[PlanText]:
    """Return the plans to which messages refer that follow, but for the one that the run follows already."""
    ahead = [message.routing_slip.itinerary for message, _ in transition.next]
    known = itinerary.plan if ahead else None
    return [each.plan for each in ahead if each.plan is not known and each.ref is not None]
