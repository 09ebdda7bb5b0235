"""Evidence: all signed data of a run, and all stored data that must agree with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from paigeant.model.custody.notes import StoredNote
from paigeant.model.custody.records import StoredRecord
from paigeant.model.message import HopKey
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.revision import Revision
from paigeant.model.routing_slip import Compensation
from paigeant.model.values.values import Value


class HopEvidence(NamedTuple):
    """Stored state of a hop; ``error`` has the type, message and place of the error that ended it.

    ``undo_before`` is the plain text if it cannot be parsed. ``revision`` is its change of the itinerary, ``history``
    the digest of its agent's history. A hop with fence 0 was never leased: it was passed, or has not been reached yet.
    """

    key: HopKey
    step: str
    step_id: str
    direction: str
    status: str
    fence: int
    is_open: bool
    input: Mapping[str, Value] | None
    output: Value | None
    log: Value | None
    undo_before: Sequence[Compensation] | str | None
    error: Any
    body: bytes | None
    revision: Revision | None = None
    history: str | None = None


class SetVariable(NamedTuple):
    """A variable set at the place of a hop."""

    name: str
    path: str
    position: int
    value: Value


class Evidence(NamedTuple):
    """Stored state of a run, with the deeds of people. ``edited``: a person has set variables of it.

    ``parent`` is the node that began the run, if it is a child run; ``origin`` has the tenant, the dispatch key and the
    trace id of its dispatch. ``lost`` are the digests of large values that the store no longer has in their original
    form; ``plans`` are the stored texts under the digests of plans that messages only refer to; ``notes`` are the calls
    and charges that its steps recorded.
    """

    workflow_id: UUID
    workflow: str
    status: str
    input: Value
    output: Value | None
    edited: bool
    hops: Sequence[HopEvidence]
    variables: Sequence[SetVariable]
    records: Sequence[StoredRecord]
    deeds: Sequence[StoredDeed] = ()
    parent: HopKey | None = None
    origin: Mapping[str, str | None] = {}
    lost: Sequence[str] = ()
    plans: Mapping[str, bytes] = {}
    notes: Sequence[StoredNote] = ()
