"""What a finished hop writes: its row, values, variables, the next twins, and how the run ends if it does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple, cast
from uuid import UUID

from sqlalchemy import bindparam, func, literal_column, update

from paigeant.model.hold import Signal
from paigeant.model.hops import Commit, Sealed, Twin
from paigeant.model.message import HopKey
from paigeant.model.transition import Held, Left
from paigeant.protocol import holds, operate, verdict
from paigeant.protocol.fan.joins import closes_on
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import OPEN_RUN, Columns, step_executions, workflow_runs, workflow_variables
from paigeant.sql.statements.commits.asking import ask
from paigeant.sql.statements.commits.histories import keep_histories
from paigeant.sql.statements.commits.joins import Counting
from paigeant.sql.statements.commits.plans import keep_plans
from paigeant.sql.statements.custody.records import keep_branches, keep_records
from paigeant.sql.statements.hops import (
    OPEN,
    NewTwin,
    add_passed,
    add_twins,
    changed,
    changing,
    keep_blobs,
    note,
    steps,
)
from paigeant.sql.statements.signals import meet_kept

runs: Columns = workflow_runs.c

_SAME_FENCE: Final = steps.fence == bindparam("b_fence")
"""Found by its key. Saying also that it is open, as the judged and locked row is, would invite a planner that knows no
statistics yet to walk through a partial index of all that is open."""

STILL_OPEN: Final = OPEN.op("IS", is_comparison=True)(literal_column("TRUE"))
"""The same as :data:`OPEN` to whoever reads, and no condition of a partial index to a planner."""

_HOLD: Final = changing(holds.HeldBack, _SAME_FENCE)
_LEAVE: Final = changing(holds.LeftBehind, _SAME_FENCE)
_RUN: Final = PreparedStatement(
    update(workflow_runs)
    .where(runs.workflow_id == bindparam("b_workflow_id"))
    .values(
        status=bindparam("b_status"),
        completed_at=bindparam("b_completed_at"),
        error=func.coalesce(bindparam("b_error", type_=runs.error.type), runs.error),
        output=func.coalesce(bindparam("b_output", type_=runs.output.type), runs.output),
    )
)
_ABANDON: Final = PreparedStatement(
    update(step_executions)
    .where(steps.workflow_id == bindparam("b_workflow_id"), STILL_OPEN)
    .values(operate.abandon(cast("Any", steps), cast("Any", bindparam("b_now")))._asdict())
)
"""What is decided about one row, of the columns instead of their values."""


class Found(NamedTuple):
    """A commit, with the rows it is about."""

    commit: Commit
    run: Any
    hop: Any


def handed_over(one: Found) -> Twin | None:
    """Return the twin that is handed over: the one asked for, unless its run or its branch is to end."""
    return one.commit.wanted if verdict.may_hand_over(one.run, one.commit.held.key.path) else None


def write(tx: Tx, good: Sequence[Found], lease: timedelta) -> Mapping[HopKey, list[Sealed]]:
    """Write all that these commits want written; what is handed over is leased for so long.

    Returns the messages of hops that were there and that are due by it, by the hop that was committed.
    """
    hops = [(one, one.commit.transition.hop) for one in good]
    held = [(one, _hold(one, hop, tx.now)) for one, hop in hops if isinstance(hop, Held)]
    left = [(one, holds.leave(one.hop, hop, one.commit, tx.now)) for one, hop in hops if isinstance(hop, Left)]
    tx.many(_HOLD, [_changed(one, change) for one, change in held])
    tx.many(_LEAVE, [_changed(one, change) for one, change in left])
    keep_blobs(tx, [(one.run.workflow_id, blob) for one in good for blob in one.commit.blobs])
    keep_plans(tx, [(one.run.workflow_id, plan) for one in good for plan in one.commit.plans])
    set_variables(tx, [one.commit for one in good])
    said = {one.commit.held.key: one.commit.detail for one in good if one.commit.detail is not None}
    if said:
        note(tx, said)
    add_passed(tx, [(one.commit.held.key, passed) for one in good for passed in one.commit.transition.passed])
    counting = Counting.of(tx, good)
    add_twins(tx, [twin for one in good for twin in _twins(one, counting.taken(one.commit), lease)])
    keep_branches(tx, (twin for one in good for twin in counting.taken(one.commit)))
    ask(tx, [(one.commit.held.key, each) for one in good for each in one.commit.transition.writes.asks])
    waits = [key for one in good for key in _waits(one.commit)]
    if waits:
        meet_kept(tx, waits)
    freed = counting.write()
    tx.many(_RUN, [_run_row(tx, one) for one in good if moves_run(one.commit)])
    keep_records(tx, (one.commit for one in good))
    keep_histories(tx, (one.commit for one in good))
    close(tx, [one.run.workflow_id for one in good if one.commit.transition.end is not None])
    return freed


def _waits(commit: Commit) -> Iterator[HopKey]:
    """Yield the hops that wait for a signal from now on."""
    hop = commit.transition.hop
    if isinstance(hop, Held) and isinstance(hop.hold, Signal):
        yield commit.held.key
    yield from (twin.key for twin in commit.twins if isinstance(twin.hold, Signal))


def close(tx: Tx, ended: Sequence[UUID]) -> None:
    """Leave no twin of an ended run behind, and no lease on one."""
    tx.many(_ABANDON, [{"b_workflow_id": workflow_id, "b_now": tx.now} for workflow_id in ended])


def _changed(one: Found, change: holds.HeldBack | holds.LeftBehind) -> dict[str, Any]:
    return changed(one.commit.held.key, change) | {"b_fence": one.commit.held.fence}


def set_variables(tx: Tx, commits: Sequence[Commit]) -> None:
    """Write what these commits set, each at the place of its hop."""
    tx.upsert(
        workflow_variables,
        [
            {
                "workflow_id": one.held.key.workflow_id,
                "path": one.held.key.path,
                "position": one.held.key.position,
                "name": name,
                "value": value,
                "updated_at": tx.now,
            }
            for one in commits
            for name, value in dict(one.transition.writes.variables).items()
        ],
    )


def _hold(one: Found, held: Held, now: datetime) -> holds.HeldBack:
    return holds.hold(one.hop, held, one.commit, now, closes=closes_on(one.run, one.hop.path, one.hop.direction))


def _twins(one: Found, twins: Sequence[Twin], lease: timedelta) -> list[NewTwin]:
    given = handed_over(one)
    return [
        NewTwin(
            *(twin, one.commit.owner if twin is given else None, lease),
            closes=closes_on(one.run, twin.key.path, twin.direction),
        )
        for twin in twins
    ]


def moves_run(commit: Commit) -> bool:
    """Tell whether a commit changes where its run stands, or why; in the middle of a run none does."""
    made = commit.transition
    return made.end is not None or made.writes.error is not None


def _run_row(tx: Tx, one: Found) -> dict[str, Any]:
    made = one.commit.transition
    end = made.end
    return {
        "b_workflow_id": one.run.workflow_id,
        "b_status": OPEN_RUN if end is None else end.status.value,
        "b_completed_at": None if end is None else tx.now,
        "b_error": made.writes.error,
        "b_output": end and end.output,
    }
