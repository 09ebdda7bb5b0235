"""From an outcome to what is written: the decision, and the sealed bytes of what follows."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid4

from paigeant.abc import Codec
from paigeant.engine.faults import describe
from paigeant.engine.parts import Parts
from paigeant.errors import MessageRejected, RequestError
from paigeant.model.hops import Commit, Grant, Leased, Transition, Twin
from paigeant.model.outcomes import Faulted, Outcome
from paigeant.model.runs import RunStatus, StepStatus
from paigeant.model.values import Blob, Value
from paigeant.routing import advance


def decide(codec: Codec, leased: Leased, outcome: Outcome[Value]) -> tuple[Transition, Twin | None]:
    """Return the transition and the twin of the hop that follows; a message too large to travel faults the step."""
    transition = advance(leased, outcome)
    if transition.next is None:
        return transition, None
    try:
        return transition, Twin.of(transition.next, codec.seal(transition.next))
    except RequestError as error:
        transition = advance(leased, Faulted(describe(error)))
    if transition.next is None:
        return transition, None
    return transition, Twin.of(transition.next, codec.seal(transition.next))


def write(parts: Parts, grant: Grant, transition: Transition, twin: Twin | None, blobs: tuple[Blob, ...]) -> Commit:
    """Return the commit of one execution, under a name of its own."""
    return Commit(grant.held, parts.owner, new_id(), transition, twin, blobs)


def new_id() -> UUID:
    """Return a random id for an execution."""
    return uuid4()


def unreadable(error: MessageRejected) -> Transition:
    """Return what becomes of a twin whose bytes do not open: it is held with the reason, for a person to look at."""
    return Transition(StepStatus.WAITING, RunStatus.WAITING, reason=f"unreadable: {error}")
