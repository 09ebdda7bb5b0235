"""Approvals: status of a question, and whether it may still be answered."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from paigeant.errors import UnknownApproval, WrongState
from paigeant.model.people.approvals import Answered, Approval, ApprovalStatus, AskedKind
from paigeant.model.runs import StepStatus, WaitReason
from paigeant.model.stored.words import read_json, read_word
from paigeant.model.values.digests import digest_of
from paigeant.protocol.operate import Hurried, hurry
from paigeant.protocol.people.waiting import WaitingHop


class AskedRow(Protocol):
    """Question in a store, with its hop: done since ``completed_at``, in its ``hop_epoch``."""

    # ruff: noqa: D102 -- the columns have the names of Approval
    @property
    def id(self) -> int: ...
    @property
    def epoch(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def expires_at(self) -> datetime | None: ...
    @property
    def arguments(self) -> str: ...
    @property
    def answer(self) -> str | None: ...
    @property
    def answered_by(self) -> str | None: ...
    @property
    def hop_epoch(self) -> int | None: ...
    @property
    def completed_at(self) -> datetime | None: ...


def stands(row: AskedRow, now: datetime) -> ApprovalStatus:
    """Return the status of a question: expiry and withdrawal follow from other columns, and are not stored."""
    status = read_word(ApprovalStatus, row.status, ApprovalStatus.UNREADABLE)
    if status is not ApprovalStatus.OPEN:
        return status
    if row.completed_at is not None or row.epoch != (row.hop_epoch or 0):
        return ApprovalStatus.WITHDRAWN
    return ApprovalStatus.EXPIRED if row.expires_at is not None and row.expires_at <= now else status


class Waiting(WaitingHop, Protocol):
    """A hop that may wait for answers."""

    # ruff: noqa: D102 -- the columns have the names of the hop's
    @property
    def due_at(self) -> datetime | None: ...


def hasten(hop: Waiting, asked: Iterable[AskedRow], now: datetime) -> Hurried | None:
    """Return the columns that make a hop due which waits for answers to these questions; None if it stays waiting.

    It is due once none of them is open, and when one expires. This is checked at each answer and when the hop begins to
    wait: so an answer is not missed that arrives while its step, run again, still finds the question open. A hop that
    waits for something else is left alone: an answer does not decide what a person has to inspect.
    """
    if hop.owner is not None or not _waits_for_answers(hop):
        return None
    still = [row for row in asked if stands(row, now) is ApprovalStatus.OPEN]
    due = min((row.expires_at for row in still if row.expires_at is not None), default=None) if still else now
    return None if due is None or (hop.due_at is not None and hop.due_at <= due) else hurry(due)


def _waits_for_answers(hop: Waiting) -> bool:
    said = (hop.reason or "").partition(":")[0]
    return hop.status == StepStatus.WAITING and said in {WaitReason.APPROVAL, WaitReason.BUDGET}


def unknown(approval_id: int) -> UnknownApproval:
    """Return the error for a question that this namespace does not have."""
    return UnknownApproval(f"no approval has the id {approval_id}; see: paigeant approvals list")


def require_open(row: AskedRow, now: datetime) -> None:
    """Return if the question may be answered; raises WrongState."""
    status = stands(row, now)
    if status is not ApprovalStatus.OPEN:
        by = f" by {row.answered_by}" if row.answered_by else ""
        raise WrongState(f"approval {row.id} is {status}{by} already: it is answered once")


def seen(row: AskedRow, now: datetime) -> Answered:
    """Return the state of a question for its step."""
    value = None if row.answer is None else read_json(row.answer)
    digest = None if row.answer is None else digest_of(row.answer.encode())
    return Answered(stands(row, now), value, row.answered_by, digest, digest_of(row.arguments.encode()))


def view(row: AskedRow, now: datetime) -> Approval:
    """Return the question as it is shown."""
    shown = {name: getattr(row, name) for name in Approval.model_fields if name != "shown"}
    shown["shown"] = digest_of(row.arguments.encode())
    for name in ("arguments", "metadata", "answer"):
        shown[name] = None if shown[name] is None else read_json(shown[name])
    kind = read_word(AskedKind, shown["kind"], AskedKind.UNREADABLE)
    return Approval.model_validate(shown | {"status": stands(row, now), "kind": kind})
