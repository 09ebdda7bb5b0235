"""The nouns of one hop: what is leased, what is written, and what the store made of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple, TypeAlias
from uuid import UUID

from paigeant.model.calls.histories import History
from paigeant.model.custody.records import SignedRecord
from paigeant.model.hold import NOW, Hold, Now, Taker, WaitState
from paigeant.model.message import HopKey, PaigeantMessage, Trail
from paigeant.model.outcomes import Fault
from paigeant.model.plan import Undo
from paigeant.model.routing_slip import Branch, Compensation, PassedEntry
from paigeant.model.runs import CancelRequest, Direction
from paigeant.model.secrecy.grants import SealedGrant
from paigeant.model.transition import Transition
from paigeant.model.tree.changes import ChildRetried
from paigeant.model.values.objects import quickly_made
from paigeant.model.values.values import Blob, Value


class Sealed(NamedTuple):
    """A message's exact bytes, made once: what the twin keeps and a transport moves."""

    message_id: str
    topic: str
    body: bytes


class LeaseToken(NamedTuple):
    """A lease in a worker's hand: the hop and the fence that proves it."""

    key: HopKey
    fence: int


class Record(NamedTuple):
    """Of a step to be undone: output, log, what is undone after it, unless that is ``spoilt``: nobody can read it."""

    output: Value | None
    log: Value | None
    before: tuple[Compensation, ...] = ()
    spoilt: bool = False


class Recorded(NamedTuple):
    """What a hop's row says of it beside key and topic: its message must say the same, or it is not executed.

    It is as it stands in the row, whatever somebody has made of it. ``step_id`` is in hex; ``digest`` is the SHA-256 of
    the message's bytes.
    """

    step_id: str
    direction: str
    undoes: HopKey | None
    digest: bytes


@quickly_made
@dataclass(frozen=True, slots=True)
class Grant:
    """A lease as the store gave it: the right to execute and commit a hop until it runs out.

    ``fence`` rises with every lease, retry and release, so that it names one lease for ever. ``attempt`` counts from 1.
    ``interrupted`` says that the lease before ran out without an outcome. ``remaining`` is the time to the run's
    deadline in seconds, negative once it has passed. ``record`` is there on the way back only. ``detail`` is the last
    that was kept of the step's progress under an earlier lease, as JSON text. ``accepted`` says that a person wants it
    run by whatever code there is; ``edited``, that a person has set variables of the run. ``recorded`` is what the
    message is held against, None after a hand-over, where the owner has made it. ``waited`` is for how many seconds the
    hop had been due, by the store's clock. ``wait`` says how far the wait of a node has come, ``epoch`` how often the
    step was started afresh. ``head`` is the digest of what was signed when the hop was left before it was resumed, or
    when its run was adopted.
    """

    key: HopKey
    topic: str
    body: bytes
    fence: int
    attempt: int
    leased_at: datetime
    interrupted: bool = False
    cancel: CancelRequest | None = None
    remaining: float | None = None
    record: Record | None = None
    detail: bytes | None = None
    accepted: bool = False
    edited: bool = False
    recorded: Recorded | None = None
    wait: WaitState | None = None
    epoch: int = 0
    head: str | None = None
    waited: float = field(default=0.0, compare=False)

    @property
    def held(self) -> LeaseToken:
        """The pair that beats, releases and commits show."""
        return LeaseToken(self.key, self.fence)


Verifier: TypeAlias = "Callable[[Leased, Mapping[str, Value], Collection[str] | None], Awaitable[None]]"


@quickly_made
@dataclass(frozen=True, slots=True)
class Leased:
    """A step that this worker may execute: the grant, the message that its bytes opened to, and what can be undone.

    ``interfaces`` are those, known here, of the activities with which it revises its itinerary. ``record`` is what was
    signed of the hop that was left for it, if hops are. ``variables`` are those that the step sees, if all are known
    without asking the store. ``seen`` are the values that the conditions of what follows ask for, if any: JSON texts,
    and of one that is too large its size. ``agent`` says that the step is an agent's. It is ``judged`` once found to be
    what was signed, as known from ``custody``; ``verify`` holds variables against that. ``trail``: of what follows.
    """

    grant: Grant
    message: PaigeantMessage
    undo: Undo = Undo.NEVER
    interfaces: Mapping[str, str] = field(default_factory=dict[str, str])
    record: SignedRecord | None = None
    judged: bool = True
    verify: Verifier | None = field(default=None, compare=False, repr=False)
    variables: Mapping[str, Value] | None = None
    seen: Mapping[str, bytes | int] = field(default_factory=dict[str, "bytes | int"])
    agent: bool = False
    trail: Trail | None = None
    custody: object = field(default=None, compare=False, repr=False)

    @property
    def is_complete(self) -> bool:
        """Whether its plan is there, and it was found to be what was signed."""
        return self.judged and self.message.missing_plan is None

    @property
    def head(self) -> str | None:
        """The digest of the record that the hop's own follows, None where nothing is signed."""
        return self.grant.head or (None if self.record is None else self.record.digest)


@quickly_made
@dataclass(frozen=True, slots=True)
class Twin:
    """The durable twin: the pending step's row, with the exact bytes of the message that announces it.

    ``undoes`` is the hop that a step on the way back undoes. Until its ``hold`` ends it is not leased. ``kind`` and
    ``label`` are those of an entry that is no step. ``branch`` is there on all hops of a branch. On the first
    of one, and on the one with which a child turns round, ``record`` is what is signed of that.
    """

    key: HopKey
    topic: str
    step_id: UUID
    direction: Direction
    body: bytes
    undoes: HopKey | None = None
    hold: Hold = NOW
    kind: str | None = None
    label: str | None = None
    branch: Branch | None = None
    record: SignedRecord | None = None

    @property
    def sealed(self) -> Sealed:
        """The message that announces this twin."""
        return Sealed(self.key.message_id, self.topic, self.body)

    @classmethod
    def of(cls, message: PaigeantMessage, sealed: Sealed, hold: Hold = NOW, record: SignedRecord | None = None) -> Twin:
        """Return the twin that announces ``message`` with exactly these sealed bytes."""
        direction, slip, undoes = message.headers.direction, message.routing_slip, None
        if direction is Direction.COMPENSATE:
            undone = slip.compensations[0]
            undoes = HopKey(message.key.workflow_id, undone.path, undone.position)
        kind, label = message.node or (None, None)
        place = (message.key, sealed.topic, message.step_id, direction)
        return cls(*place, sealed.body, undoes, hold, kind, label, slip.branch, record)


@dataclass(frozen=True, slots=True)
class RunStart:
    """A run to be recorded, with its first twin, the entries ``passed`` before it, and the ``plan`` of that.

    ``deadline`` is in seconds from now. ``record`` is signed, ``grant`` for whom it acts, ``parent`` a child's node. A
    ``taker`` asks the store to write the twin already leased to them, with fence 1 and attempt 1.
    """

    workflow_id: UUID
    workflow: str
    trace_id: str
    input: Value
    input_sha256: str
    twin: Twin
    dispatch_key: str | None = None
    tenant: str | None = None
    correlation_id: str | None = None
    deadline: float | None = None
    blobs: tuple[Blob, ...] = ()
    plan: Blob | None = None
    passed: tuple[PassedEntry, ...] = ()
    record: SignedRecord | None = None
    taker: Taker | None = None
    grant: SealedGrant | None = None
    parent: HopKey | None = None


class TurnedChild(NamedTuple):
    """A child that completed, and that is undone: the twin with which it turns round, and why."""

    twin: Twin
    fault: Fault


ChildCommit: TypeAlias = RunStart | TurnedChild | ChildRetried


@quickly_made
@dataclass(frozen=True, slots=True)
class Commit:
    """What a finished hop wants written, all of it in one transaction or nothing.

    ``execution`` is made once for each execution, so that a commit whose answer was lost is recognised when it is asked
    for again. ``twins`` are those of the hops that follow; ``hand_over`` is the key of one that is due at once, and
    asks the store to write it already leased to the committer, with fence and attempt 1. ``detail`` is what the step
    last said of its progress, if that is to be kept, ``input`` what its arguments were bound to, ``record`` what is
    signed of the hop, ``history`` what an agent was told and said. ``plans`` are those that no twin referred to before.
    ``child`` is what a node does to its child. A run that ``has_grant`` loses it as it ends.
    """

    held: LeaseToken
    owner: str
    execution: UUID
    transition: Transition
    twins: tuple[Twin, ...] = ()
    hand_over: HopKey | None = None
    blobs: tuple[Blob, ...] = ()
    detail: bytes | None = None
    input: Mapping[str, Value] | None = None
    record: SignedRecord | None = None
    plans: tuple[Blob, ...] = ()
    history: History | None = None
    child: ChildCommit | None = None
    has_grant: bool = False

    @property
    def due(self) -> tuple[Twin, ...]:
        """The twins that are due as soon as they are written."""
        return tuple(twin for twin in self.twins if isinstance(twin.hold, Now))

    @property
    def wanted(self) -> Twin | None:
        """The twin that the committer asks for."""
        return next((twin for twin in self.twins if twin.key == self.hand_over), None) if self.hand_over else None


class Verdict(StrEnum):
    """What the store made of a commit."""

    OK = "ok"
    ALREADY = "already"
    """This very execution has been committed before: as good as ``ok``."""
    FENCED = "fenced"
    """The lease was lost, or the hop is behind: nothing was written, and nothing of it may be."""
    CLOSED = "closed"
    """The run is final: nothing was written."""


class CommitResult(NamedTuple):
    """The answer to one commit: the verdict, and whether someone has asked to cancel the run.

    ``handed_over`` is the grant of the twin, with the commit's ``body``, if it was asked for and given. ``freed`` are
    messages of hops that this commit has made due: for the committer to announce.
    """

    verdict: Verdict
    cancel: CancelRequest | None = None
    handed_over: Grant | None = None
    freed: tuple[Sealed, ...] = ()


class Pulse(NamedTuple):
    """The answer to one beat: whether the lease still holds, and whether someone has asked to cancel the run."""

    held: LeaseToken
    alive: bool
    cancel: CancelRequest | None = None


class Started(NamedTuple):
    """The run of a dispatch: ``fresh`` unless its dispatch key had one already.

    ``handed_over`` is the grant of its first twin, if a taker asked for it.
    """

    workflow_id: UUID
    fresh: bool
    handed_over: Grant | None = None
