"""Judged commits: continuations and ends of runs, and refusals.

Verdicts depend only on data that the writing transaction itself has read, run rows locked before step rows (SQLite has
one writer anyway). All hops of a call share each statement.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import exists, literal_column, select

from paigeant.model.hops import Commit, CommitResult, Grant, Twin, Verdict
from paigeant.model.message import HopKey
from paigeant.model.runs import StepStatus
from paigeant.protocol import verdict
from paigeant.protocol.fan.joins import cancel_on
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of, run_list, runs_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.commits.rows import Found, handed_over, moves_run, write
from paigeant.sql.statements.hops import key_of, records, steps

runs: Columns = workflow_runs.c
_done: Final = step_executions.alias("done")

_STATE: Final = (
    *(runs.namespace, runs.cancel_requested, runs.closing),
    *(runs.deadline, runs.edited, runs.completed_at),
    *(runs.tenant, runs.parent_id, runs.parent_path, runs.reports_to),
)


def _locking(*columns: Any) -> PreparedStatement:
    """Lock runs, in the order of their ids.

    Their namespace is checked outside, or SQLite would walk through all runs of it.
    """
    return PreparedStatement(
        select(*columns)
        .join_from(run_list, workflow_runs, runs.workflow_id == run_list.c.workflow_id)
        .order_by(runs.workflow_id)
        .with_for_update(of=workflow_runs, key_share=True)
    )


RUNS: Final = _locking(runs.workflow_id, *_STATE)
RUNS_IN_ORDER: Final = _locking(*_STATE)
"""Their states only, for callers that sorted them by id: reading an id costs more than the rest of a row."""

_HOPS: Final = PreparedStatement(
    select(
        *(steps.workflow_id, steps.path, steps.position),
        *(steps.fence, steps.owner, steps.attempt, steps.committed_by, steps.completed_at),
        *(steps.input, steps.errors, steps.wait, steps.direction),
        exists()
        .where(
            _done.c.workflow_id == steps.workflow_id,
            _done.c.step_id == steps.step_id,
            _done.c.direction == steps.direction,
            _done.c.status == literal_column("'completed'"),  # as in the index, which a parameter would not match,
        )
        .label("done"),
    )
    .join_from(hop_list, step_executions, IN_HOP_LIST)
    .order_by(steps.workflow_id, steps.path, steps.position)
    .with_for_update(of=step_executions)
)
_GIVEN: Final = PreparedStatement(
    select(steps.owner, steps.fence, steps.attempt, steps.started_at, steps.completed_at)
    .add_columns(runs.cancel_requested, runs.closing, runs.deadline, runs.edited)
    .join_from(hop_list, step_executions, IN_HOP_LIST)
    .join(workflow_runs, runs.workflow_id == steps.workflow_id)
)


def record_step_result(tx: Tx, commits: Sequence[Commit], lease: timedelta) -> list[CommitResult]:
    """Commit hops, each completely or not at all; one answer each, in order."""
    answers: dict[int, CommitResult] = {}
    for numbers in _rounds(commits):
        settled = _commit(tx, [commits[n] for n in numbers], lease)
        answers.update(zip(numbers, settled, strict=True))
    return [answers[n] for n in range(len(commits))]


def _rounds(commits: Sequence[Commit]) -> Iterator[list[int]]:
    """Yield the numbers of commits that may be decided together, those of a run in order.

    For each run these are either the first commit, if it changes the run's row, or all commits before one that does. No
    two are of the same hop.
    """
    left = list(range(len(commits)))
    while left:
        taken: dict[UUID, list[int]] = {}
        keys: set[HopKey] = set()
        full: set[UUID] = set()
        for n in left:
            key = commits[n].held.key
            of_run = taken.setdefault(key.workflow_id, [])
            if key in keys or key.workflow_id in full or (of_run and moves_run(commits[n])):
                full.add(key.workflow_id)
                continue
            of_run.append(n)
            keys.add(key)
            if moves_run(commits[n]):
                full.add(key.workflow_id)
        together = [n for numbers in taken.values() for n in numbers]
        yield together
        left = sorted(set(left) - set(together))


def _commit(tx: Tx, commits: Sequence[Commit], lease: timedelta) -> list[CommitResult]:
    found = _find(tx, commits)
    verdicts = [_judge(one, found.get(one.held.key)) for one in commits]
    good = [found[one.held.key] for one, said in zip(commits, verdicts, strict=True) if said is Verdict.OK]
    freed = write(tx, good, lease)
    given = _grants(tx, good) | {
        one.held.key: grant
        for one, said in zip(commits, verdicts, strict=True)
        if said is Verdict.ALREADY and one.wanted and (grant := given_before(tx, one.wanted, one.owner)) is not None
    }
    cancel_requests = {key: cancel_on(one.run, key.path) for key, one in found.items()}
    return [
        CommitResult(said, cancel_requests.get(key := one.held.key), given.get(key), tuple(freed.get(key, ())))
        for one, said in zip(commits, verdicts, strict=True)
    ]


def _find(tx: Tx, commits: Sequence[Commit]) -> dict[HopKey, Found]:
    """Read and lock the rows of the commits: runs first."""
    keys = [one.held.key for one in commits]
    by_id = {
        run.workflow_id: run
        for run in tx.rows(RUNS, runs=runs_of(key.workflow_id for key in keys))
        if run.namespace == tx.namespace
    }
    by_key = {key_of(hop): hop for hop in tx.rows(_HOPS, keys=keys_of(keys))}
    return {
        one.held.key: Found(one, by_id[one.held.key.workflow_id], by_key[one.held.key])
        for one in commits
        if one.held.key in by_key and one.held.key.workflow_id in by_id
    }


def _judge(one: Commit, found: Found | None) -> Verdict:
    run, hop = (None, None) if found is None else (found.run, found.hop)
    completes = one.transition.hop.status is StepStatus.COMPLETED
    done = hop is not None and hop.done
    return verdict.judge(run, hop, one.held.fence, one.execution, completes=completes, done=done)


def _grants(tx: Tx, good: Sequence[Found]) -> dict[HopKey, Grant]:
    """Return the grants of the twins that were handed over, by the committed hop."""
    given = [(one, twin) for one in good if (twin := handed_over(one)) is not None]
    known = records(tx, [twin.undoes for _, twin in given])
    return {
        one.commit.held.key: Grant(
            *(twin.key, twin.topic, twin.body, 1, 1),
            leased_at=tx.now,
            remaining=tx.until(one.run.deadline),
            edited=bool(one.run.edited),
            record=known.get(twin.undoes),
        )
        for one, twin in given
    }


def given_before(tx: Tx, twin: Twin, owner: str) -> Grant | None:
    """Return the grant of a twin that was written leased to this owner, if it is unchanged: the answer was lost."""
    rows = tx.rows(_GIVEN, keys=keys_of([twin.key]))
    if not rows or not verdict.is_as_given(rows[0], owner):
        return None
    [row] = rows
    return Grant(
        *(twin.key, twin.topic, twin.body, row.fence, row.attempt),
        leased_at=row.started_at,
        cancel=cancel_on(row, twin.key.path),
        remaining=tx.until(row.deadline),
        edited=bool(row.edited),
        record=records(tx, [twin.undoes]).get(twin.undoes),
    )
