"""Approvals in memory: questions of steps to people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from paigeant.model.message import HopKey
from paigeant.model.people.approvals import (
    SHOWN_OF_RUN,
    Answer,
    Answered,
    Approval,
    ApprovalPage,
    ApprovalStatus,
    Asked,
)
from paigeant.model.stored.checkpoints import StepEpoch
from paigeant.model.stored.pages import read_place
from paigeant.protocol.people import approvals as protocol
from paigeant.stores.memory.custody import keep_deeds
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow


@dataclass(slots=True)
class ApprovalRow:
    """A question, and its hop."""

    id: int
    hop: HopRow
    workflow: str
    epoch: int
    asked: Asked
    asked_at: datetime
    expires_at: datetime | None
    status: ApprovalStatus = ApprovalStatus.OPEN
    answer: str | None = None
    answered_by: str | None = None
    answered_at: datetime | None = None

    @property
    def workflow_id(self) -> UUID:
        """The run."""
        return self.hop.workflow_id

    @property
    def key(self) -> str:
        """The question's key."""
        return self.asked.key

    @property
    def step(self) -> str:
        """The step's name."""
        return self.hop.step

    @property
    def path(self) -> str:
        """The hop's path."""
        return self.hop.path

    @property
    def position(self) -> int:
        """The hop's position."""
        return self.hop.position

    @property
    def kind(self) -> str:
        """Kind of question."""
        return self.asked.kind

    @property
    def tool(self) -> str:
        """Name of the tool."""
        return self.asked.tool

    @property
    def arguments(self) -> str:
        """Arguments of the call."""
        return self.asked.arguments

    @property
    def metadata(self) -> str | None:
        """Further data of the question."""
        return self.asked.metadata

    @property
    def hop_epoch(self) -> int | None:
        """Present epoch of the hop."""
        return self.hop.epoch

    @property
    def completed_at(self) -> datetime | None:
        """Time at which the hop was done."""
        return self.hop.completed_at


def ask(rows: Rows, hop: HopRow, questions: Sequence[Asked]) -> None:
    """Write questions of a hop that begins to wait; an existing one stays as it is, answered or not."""
    epoch, now = hop.epoch or 0, rows.clock()
    for question in questions:
        known = [row for row in _of_hop(rows, hop.key) if row.epoch == epoch and row.asked.key == question.key]
        if not known:
            number = len(rows.calls.approvals) + 1
            expires = None if question.seconds is None else now + timedelta(seconds=question.seconds)
            workflow = rows.runs[hop.workflow_id].workflow
            rows.calls.approvals[number] = ApprovalRow(number, hop, workflow, epoch, question, now, expires)
    if questions:
        _hasten(rows, hop, epoch)


def _hasten(rows: Rows, hop: HopRow, epoch: int) -> None:
    """Make a hop due that waits for answers, if all are there or when one expires."""
    change = protocol.hasten(hop, [one for one in _of_hop(rows, hop.key) if one.epoch == epoch], rows.clock())
    if change is not None:
        hop.change(change)


def list_approvals(
    rows: Rows,
    workflows: Sequence[str],
    everything: bool,  # noqa: FBT001
    limit: int,
    after: str | None,
) -> ApprovalPage:
    """Return a page of questions."""
    place, now = read_place(after, "approvals") or 0, rows.clock()
    found = [
        row
        for row in _all(rows)
        if row.id > place
        and (not workflows or row.workflow in workflows)
        and (everything or protocol.stands(row, now) is ApprovalStatus.OPEN)
    ]
    following = str(found[limit - 1].id) if len(found) > limit else None
    return ApprovalPage(approvals=tuple(protocol.view(row, now) for row in found[:limit]), next=following)


def get_approval(rows: Rows, approval_id: int) -> Approval:
    """Return a question; raises UnknownApproval."""
    return protocol.view(_find(rows, approval_id), rows.clock())


def answer_approval(rows: Rows, approval_id: int, answer: Answer) -> Approval:
    """Answer a question, and make its step due if no other question of it is open."""
    row, now = _find(rows, approval_id), rows.clock()
    protocol.require_open(row, now)
    row.status, row.answer, row.answered_by, row.answered_at = answer.status, answer.value, answer.by, now
    keep_deeds(rows, answer.deed)
    _hasten(rows, row.hop, row.epoch)
    rows.changes.note()
    return protocol.view(row, now)


def load_answers(rows: Rows, step: StepEpoch) -> Mapping[str, Answered]:
    """Return the state of a step's questions."""
    now = rows.clock()
    return {
        row.asked.key: protocol.seen(row, now)
        for row in _all(rows)
        if (row.workflow_id, row.hop.step_id, row.hop.direction, row.epoch) == step
    }


def approvals_of_run(rows: Rows, workflow_id: UUID) -> list[Approval]:
    """Return the first thousand questions of a run, in order."""
    found = [protocol.view(row, rows.clock()) for row in _all(rows) if row.workflow_id == workflow_id]
    return found[:SHOWN_OF_RUN]


def _all(rows: Rows) -> Iterator[ApprovalRow]:
    return (row for row in rows.calls.approvals.values() if row.workflow_id in rows.runs)


def _of_hop(rows: Rows, key: HopKey) -> Iterator[ApprovalRow]:
    return (row for row in _all(rows) if row.hop.key == key)


def _find(rows: Rows, approval_id: int) -> ApprovalRow:
    row = rows.calls.approvals.get(approval_id)
    if row is None or row.workflow_id not in rows.runs:
        raise protocol.unknown(approval_id)
    return row
