"""Values of one hop: the lease, the commit, and the store's answers."""

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
    """A message's exact bytes, made once: kept by the twin and moved by a transport."""

    message_id: str
    topic: str
    body: bytes


class LeaseToken(NamedTuple):
    """A worker's lease: the hop, and the fence that proves it."""

    key: HopKey
    fence: int


class Record(NamedTuple):
    """Record of a step to undo: output, log, compensations before it, unless these are ``spoilt`` (unreadable)."""

    output: Value | None
    log: Value | None
    before: tuple[Compensation, ...] = ()
    spoilt: bool = False


class Recorded(NamedTuple):
    """Facts in a hop's row besides key and topic: its message must contain the same, or it is not executed.

    They are as stored, even if the row was edited. ``step_id`` is in hex; ``digest`` is the SHA-256 of the message.
    """

    step_id: str
    direction: str
    undoes: HopKey | None
    digest: bytes


@quickly_made
@dataclass(frozen=True, slots=True)
class Grant:
    """A lease as the store granted it: the right to execute and commit a hop until it expires.

    ``fence`` rises with every lease, retry and release, so that it identifies one lease for ever. ``attempt`` counts
    from 1. ``interrupted`` is True if the previous lease expired without an outcome. ``remaining`` is the time to the
    run's deadline in seconds, negative once it has passed. ``record`` is present during compensation only. ``detail``
    is the last stored progress of the step under an earlier lease, as JSON text. ``accepted`` is True if a person
    accepts any code for it; ``edited`` if a person has set variables of the run. ``recorded`` is compared with the
    message; it is None after a hand-over, where the owner itself made the message. ``waited`` is the number of seconds
    for which the hop had been due, by the store's clock. ``wait`` is the state of a node's wait, ``epoch`` the number
    of times the step was started afresh. ``head`` is the digest of the signed record that was made when the hop was
    left before it was resumed, or when its run was adopted.
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
        """Hop and fence, as heartbeats, releases and commits pass them."""
        return LeaseToken(self.key, self.fence)


Verifier: TypeAlias = "Callable[[Leased, Mapping[str, Value], Collection[str] | None], Awaitable[None]]"


@quickly_made
@dataclass(frozen=True, slots=True)
class Leased:
    """A step that this worker may execute: the grant, the parsed message, and the kind of compensation it has.

    ``interfaces`` are the known ones of the activities in its revision. ``record`` is the signed record of the previous
    hop, if hops are signed. ``variables`` are those visible to the step, if all are known without a query. ``seen`` are
    the values that the conditions of the following entries use: JSON texts, or the size of one that is too large.
    ``agent`` is True if the step is an agent's. ``judged`` is True once the hop is verified with ``custody``;
    ``verify`` verifies variables against it. ``trail`` is that of the next hops.
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
        """True if its plan is loaded, and the hop is verified."""
        return self.judged and self.message.missing_plan is None

    @property
    def head(self) -> str | None:
        """Digest of the record that the hop's own record follows, None where nothing is signed."""
        return self.grant.head or (None if self.record is None else self.record.digest)


@quickly_made
@dataclass(frozen=True, slots=True)
class Twin:
    """The durable twin: the pending step's row, with the exact bytes of the message that announces it.

    ``undoes`` is the hop that a compensating step undoes. It is not leased before its ``hold`` ends. ``kind`` and
    ``label`` are those of an entry that is not a step. All hops of a branch have ``branch``. ``record`` is the signed
    record of a branch on its first hop, or of a child run on the hop that turns it round.
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
    """A run to be recorded, with its first twin, the entries ``passed`` before it, and the twin's ``plan``.

    ``deadline`` is in seconds from now. ``record`` is the signed dispatch, ``grant`` the identity it acts with,
    ``parent`` the node of a child run. With a ``taker`` the store writes the twin already leased, with fence 1 and
    attempt 1.
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
    """A completed child run that is undone: the twin that turns it round, and the reason."""

    twin: Twin
    fault: Fault


ChildCommit: TypeAlias = RunStart | TurnedChild | ChildRetried


@quickly_made
@dataclass(frozen=True, slots=True)
class Commit:
    """All writes of a finished hop: one transaction or nothing.

    ``execution`` is new for each execution, so that a repeated commit, whose answer was lost, is recognised. ``twins``
    are those of the next hops; ``hand_over`` is the key of one that is due at once, to be written already leased to the
    committer, with fence and attempt 1. ``detail`` is the step's last progress, if it is to be stored, ``input`` the
    values of its arguments, ``record`` the signed record of the hop, ``history`` the conversation of an agent.
    ``plans`` are those that no earlier twin referred to. ``child`` is a node's change of its child. ``granted`` is the
    run whose grant the hop may use, this one or the outermost that contains it; a run loses its own at its end.
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
    granted: UUID | None = None

    @property
    def due(self) -> tuple[Twin, ...]:
        """Twins that are due as soon as they are written."""
        return tuple(twin for twin in self.twins if isinstance(twin.hold, Now))

    @property
    def wanted(self) -> Twin | None:
        """Twin that the committer asks for."""
        return next((twin for twin in self.twins if twin.key == self.hand_over), None) if self.hand_over else None


class Verdict(StrEnum):
    """Result of a commit."""

    OK = "ok"
    ALREADY = "already"
    """This execution was committed before: equivalent to ``ok``."""
    FENCED = "fenced"
    """The lease was lost, or the hop is done: nothing was written, and nothing of it may be."""
    CLOSED = "closed"
    """The run is final: nothing was written."""


class CommitResult(NamedTuple):
    """Answer to one commit: the verdict, and a request to cancel the run, if any.

    ``handed_over`` is the grant of the twin, with the commit's ``body``, if it was requested and granted. ``freed`` are
    messages of hops that this commit made due, for the committer to announce.
    """

    verdict: Verdict
    cancel: CancelRequest | None = None
    handed_over: Grant | None = None
    freed: tuple[Sealed, ...] = ()


class Pulse(NamedTuple):
    """Answer to one heartbeat: whether the lease is alive, and a request to cancel the run, if any."""

    held: LeaseToken
    alive: bool
    cancel: CancelRequest | None = None


class Started(NamedTuple):
    """Result of a dispatch: ``fresh`` unless its dispatch key had a run already.

    ``handed_over`` is the grant of its first twin, if a taker asked for it.
    """

    workflow_id: UUID
    fresh: bool
    handed_over: Grant | None = None
