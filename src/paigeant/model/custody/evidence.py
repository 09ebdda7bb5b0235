"""Evidence: all that was signed of a run, and all that lies in the store and must agree with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from paigeant.model.custody.records import StoredRecord
from paigeant.model.message import HopKey
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.revision import Revision
from paigeant.model.routing_slip import Compensation
from paigeant.model.values.values import Value


class HopEvidence(NamedTuple):
    """A hop as it lies in the store; ``error`` has the type, the message and the place of what ended it.

    What is undone after it is a text if nobody can read it. ``revision`` is what it has changed on the way ahead.
    One with fence 0 was never leased: it was passed, or has not come yet.
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


class SetVariable(NamedTuple):
    """A variable that was set, at the place of a hop."""

    name: str
    path: str
    position: int
    value: Value


class Evidence(NamedTuple):
    """A run as it lies in the store, with what people did to it. ``edited``: a person has set variables of it.

    ``parent`` is the node within which it has begun, if it has begun within another; ``origin`` are the tenant, the
    dispatch key and the trace's id, with which it began. ``lost`` are the digests of large values that the store does
    not have as they were kept there, ``plans`` what lies under the digests of those that messages only refer to.
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
