"""From an outcome to what is written: the decision, and the sealed bytes of what follows."""

from __future__ import annotations

from uuid_utils.compat import uuid4

from paigeant.abc import Codec
from paigeant.activities.faults import describe
from paigeant.engine.hop.judging import MISMATCH_BACKOFF
from paigeant.engine.hop.results import Execution
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.hold import After, Person
from paigeant.model.hops import Commit, Grant, Leased, Twin
from paigeant.model.outcomes import Fault, Faulted, FaultKind, Outcome
from paigeant.model.runs import CancelRequest, RunError, RunStatus, WaitReason
from paigeant.model.transition import Held, Left, RunEnd, Transition, Writes
from paigeant.model.values import Value
from paigeant.routing import advance


def decide(codec: Codec, leased: Leased, outcome: Outcome[Value]) -> tuple[Transition, tuple[Twin, ...]]:
    """Return the transition and the twins of the hops that follow; what cannot be decided or sealed faults the step.

    So does a message that is too large to travel. A step that came to an end is never run again for that.
    """
    try:
        return _sealed(codec, advance(leased, outcome))
    except Exception as error:  # noqa: BLE001  (whatever it is, another attempt would only come to the same)
        return _sealed(codec, advance(leased, Faulted(describe(error))))


def _sealed(codec: Codec, transition: Transition) -> tuple[Transition, tuple[Twin, ...]]:
    return transition, tuple(Twin.of(message, codec.seal(message), hold) for message, hold in transition.next)


def write(
    runtime: Runtime,
    grant: Grant,
    transition: Transition,
    twins: tuple[Twin, ...] = (),
    execution: Execution | None = None,
    leased: Leased | None = None,
) -> Commit:
    """Return the commit of a hop, under a name of its own; ``execution`` is what it came to if its code was called.

    Where the run ends with the hop, no message follows whose seal vouches for it: the codec attests it instead, if its
    own message could be opened, which is then in ``leased``.
    """
    blobs, given = ((), None) if execution is None else (tuple(execution.blobs), execution.input)
    ends = transition.end is not None
    attestation = runtime.codec.attest(leased, transition) if ends and leased is not None else None
    held, owner = grant.held, runtime.owner
    return Commit(held, owner, uuid4(), transition, twins, blobs=blobs, input=given, attestation=attestation)


def unreadable(error: MessageRejected) -> Transition:
    """Return what becomes of a twin whose message must not be executed: it is held with the reason, for a person.

    Bytes that do not open here are offered again now and then, in case that a worker of another version, or with
    another key, can open them. What somebody has tampered with waits until a person has mended it and resumes the run.
    """
    if isinstance(error, TamperedMessage):
        return Transition(Held(Person(WaitReason.TAMPERED), Fault(type=type(error).__name__, message=str(error))))
    return Transition(Held(After(MISMATCH_BACKOFF.total_seconds(), f"unreadable: {error}")))


def unreadable_and_over(grant: Grant, error: MessageRejected) -> Transition:
    """Return how a run ends that must, by wish or deadline, and whose message does not open or was tampered with.

    What would have to be undone stands in that message: unless it is the first one, the run ends as one whose
    compensation failed, so that a person looks and, with the right worker or key in place, resumes it.
    """
    why = "the run was cancelled on request" if grant.cancel else "the run's deadline has passed"
    what = "was tampered with" if isinstance(error, TamperedMessage) else "does not open"
    text = f"{why}, but the message of position {grant.key.position} {what}: {error}"
    plain = grant.cancel is CancelRequest.PLAIN
    if plain or grant.key.position == 1:
        run = RunStatus.CANCELLED if grant.cancel else RunStatus.FAILED
    else:
        run = RunStatus.COMPENSATION_FAILED
        text += "; nothing was undone"
    kind = FaultKind.CANCELLED if run is RunStatus.CANCELLED else FaultKind.ERROR
    fault = Fault(type=type(error).__name__, message=text, kind=kind)
    place = RunError(type=fault.type, message=text, step=grant.topic, path=grant.key.path, position=grant.key.position)
    return Transition(Left(fault), end=RunEnd(run), writes=Writes(error=place))
