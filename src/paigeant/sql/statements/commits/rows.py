"""Rows of a finished hop: its own, values, variables, the next twins, and the end of the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from sqlalchemy import bindparam, func, update

from paigeant.model.hold import Signal
from paigeant.model.hops import Commit, Sealed, Twin
from paigeant.model.message import HopKey
from paigeant.model.runs import CancelRequest
from paigeant.model.transition import Held, Left
from paigeant.protocol import holds, verdict
from paigeant.protocol.fan.joins import closes_on
from paigeant.protocol.tree.children import closes_node
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import OPEN_RUN, Columns, workflow_runs, workflow_variables
from paigeant.sql.statements.commits.asking import ask
from paigeant.sql.statements.commits.histories import keep_histories
from paigeant.sql.statements.commits.joins import Counting
from paigeant.sql.statements.commits.plans import keep_plans
from paigeant.sql.statements.commits.tree.children import change_children, keep_undo, tell
from paigeant.sql.statements.commits.tree.ending import cancel_under, close
from paigeant.sql.statements.custody.grants import hasten_held
from paigeant.sql.statements.custody.records import keep_branches, keep_records
from paigeant.sql.statements.hops import (
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
"""Condition besides the key. A further condition that the hop is open, which the judged and locked row is anyway, would
tempt a planner without statistics to walk through a partial index of all open hops."""

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


class Found(NamedTuple):
    """A commit, with its rows."""

    commit: Commit
    run: Any
    hop: Any


def handed_over(one: Found) -> Twin | None:
    """Return the twin that is handed over: the requested one, unless its run or its branch is to end."""
    return one.commit.wanted if verdict.may_hand_over(one.run, one.commit.held.key.path) else None


def write(tx: Tx, good: Sequence[Found], lease: timedelta) -> Mapping[HopKey, list[Sealed]]:
    """Write all data of these commits; hand-overs are leased for this long.

    Returns the messages of existing hops that became due, by the committed hop.
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
    hasten_held(tx, (one.commit for one in good))
    waits = [key for one in good for key in _waits(one.commit)]
    if waits:
        meet_kept(tx, waits)
    freed = {key: list(sealed) for key, sealed in counting.write().items()}
    for _, run, prefix in counting.ending:
        cancel_under(tx, run, prefix, CancelRequest.BRANCH)
    tx.many(_RUN, [_run_row(tx, one) for one in good if moves_run(one.commit)])
    keep_records(tx, (one.commit for one in good))
    keep_histories(tx, (one.commit for one in good))
    ended = [one for one in good if one.commit.transition.end is not None]
    close(tx, [one.run.workflow_id for one in ended])
    keep_undo(tx, ended)
    for key, sealed in (*change_children(tx, good), *tell(tx, ended)):
        freed.setdefault(key, []).extend(sealed)
    return freed


def _waits(commit: Commit) -> Iterator[HopKey]:
    """Yield the hops that begin to wait for a signal."""
    hop = commit.transition.hop
    if isinstance(hop, Held) and isinstance(hop.hold, Signal):
        yield commit.held.key
    yield from (twin.key for twin in commit.twins if isinstance(twin.hold, Signal))


def _changed(one: Found, change: holds.HeldBack | holds.LeftBehind) -> dict[str, Any]:
    return changed(one.commit.held.key, change) | {"b_fence": one.commit.held.fence}


def set_variables(tx: Tx, commits: Sequence[Commit]) -> None:
    """Write the variables of these commits, each at the place of its hop."""
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
    return holds.hold(one.hop, held, one.commit, now, closes=closes_node(one.run, one.commit, one.hop.direction))


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
    """True if a commit changes the status or error of its run; in the middle of a run none does."""
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
