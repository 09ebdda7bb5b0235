"""Statements of the ledger: charges by run, and sums."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Double,
    String,
    Text,
    Uuid,
    bindparam,
    delete,
    exists,
    func,
    literal,
    null,
    select,
    tuple_,
    union_all,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from paigeant.model.runs import Direction
from paigeant.model.spending.costs import CostBy, CostRow, Costs, StepCalls, Usage
from paigeant.model.spending.money import cost_of
from paigeant.model.stored.checkpoints import LedgerEntry
from paigeant.model.stored.words import read_word
from paigeant.sql.execution.keys import unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.calls import checkpoints, ledger
from paigeant.sql.schema.tables import Columns, workflow_runs
from paigeant.sql.schema.types import SHOWN
from paigeant.sql.statements.custody.recorded import charge_of

rows: Columns = ledger.c


class _utc_day(FunctionElement[str]):  # noqa: N801  (reads as the SQL function that it is)
    """Day of a time in UTC, as text."""

    type = String()
    inherit_cache = True


@compiles(_utc_day, "sqlite")
def _day_on_sqlite(element: Any, compiler: Any, **more: Any) -> str:
    at, ahead = (compiler.process(clause, **more) for clause in element.clauses)
    return f"strftime('%Y-%m-%d', {at} + {ahead}, 'unixepoch')"  # with the file's offset of shown times


@compiles(_utc_day)
def _day_on_a_server(element: Any, compiler: Any, **more: Any) -> str:
    at, _ = element.clauses
    return f"to_char({compiler.process(at, **more)} AT TIME ZONE 'UTC', 'YYYY-MM-DD')"


_SUMS: Final = (
    func.count().label("requests"),
    func.sum(rows.input_tokens).label("input_tokens"),
    func.sum(rows.output_tokens).label("output_tokens"),
    func.sum(rows.cost_picos).label("picos"),
    (func.count() - func.count(rows.cost_picos)).label("unpriced"),
)
_OF_RUN: Final = PreparedStatement(
    select(ledger)
    .where(
        rows.workflow_id == bindparam("workflow_id", type_=Uuid()),
        unindexed(rows.namespace == bindparam("namespace", type_=String())),
    )
    .order_by(rows.recorded_at, rows.step_id, rows.key)
)
_made: Final = checkpoints.c
_no_kind, _no_fence = null().cast(Text).label("kind"), null().cast(BigInteger).label("fence")
_CHARGED: Final = (
    select(rows.step_id, rows.direction, _no_kind, _no_fence, *_SUMS)
    .where(rows.workflow_id == bindparam("workflow_id"))
    .group_by(rows.step_id, rows.direction)
)
_RECORDED: Final = (
    select(_made.step_id, _made.direction, _made.kind, _made.fence, func.count(), *(null() for _ in _SUMS[1:]))
    .where(_made.workflow_id == bindparam("workflow_id"))
    .group_by(_made.step_id, _made.direction, _made.kind, _made.fence)
)
_OF_STEPS: Final = PreparedStatement(select(union_all(_CHARGED, _RECORDED).subquery()))
"""Charges of a run's steps, and numbers of their recorded calls by kind and fence."""
_PRUNED: Final = ("workflow_id", "step_id", "direction", "epoch", "key")


def read_ledger(tx: Tx, workflow_id: UUID) -> list[LedgerEntry]:
    """Return the charges of a run's steps."""
    found = tx.rows(_OF_RUN, workflow_id=workflow_id, namespace=tx.namespace)
    return [
        LedgerEntry(
            charge_of(row),
            row.step,
            row.step_id,
            read_word(Direction, row.direction, Direction.UNREADABLE),
            row.recorded_at,
            *(row.path, row.position, row.epoch, row.workflow, row.tenant, row.fence),
        )
        for row in found
    ]


def sum_costs(tx: Tx, by: CostBy, workflow_id: UUID | None, since: timedelta | None) -> Costs:
    """Return sums of costs."""
    key = _column(by)
    query = select(key.label("key"), *_SUMS).where(rows.namespace == tx.namespace).group_by(key)
    if workflow_id is not None:
        query = query.where(rows.workflow_id == workflow_id)
    if since is not None:
        query = query.where(rows.recorded_at > tx.now - since)
    found = tx.connection.execute(query).all()
    return Costs.of([CostRow(key=row.key, **_usage(row)) for row in found], by)


def calls_of_steps(tx: Tx, workflow_id: UUID, newest: dict[tuple[UUID, str], int]) -> dict[tuple[UUID, str], StepCalls]:
    """Return the recordings of each step of a run; ``newest`` are the fences of their hops."""
    made: dict[tuple[UUID, str], StepCalls] = {}
    found = tx.rows(_OF_STEPS, workflow_id=workflow_id)
    for row in sorted(found, key=lambda row: row.kind is not None):  # charges first
        key = (row.step_id, row.direction)
        if row.kind is None:
            made[key] = StepCalls(usage=Usage(**_usage(row)))
        else:
            replayed = row.fence < newest.get(key, 0)
            made[key] = made.get(key, StepCalls()).plus(row.kind, row.requests, replayed=replayed)
    return made


def prune_ledger(tx: Tx, older_than: timedelta, limit: int) -> int:
    """Delete old rows of runs that are not there any more."""
    key = [rows[name] for name in _PRUNED]
    kept = exists().where(workflow_runs.c.workflow_id == rows.workflow_id)
    old = select(*key).where(rows.namespace == tx.namespace, rows.recorded_at < tx.now - older_than, ~kept)
    old = old.limit(limit)
    return tx.connection.execute(delete(ledger).where(tuple_(*key).in_(old))).rowcount


def _column(by: CostBy) -> ColumnElement[Any]:
    if by is CostBy.DAY:
        return _utc_day(rows.recorded_at, literal(SHOWN.ahead, Double()))
    return rows[by.value]


def _usage(row: Any) -> dict[str, Any]:
    usd: Decimal | None = cost_of(None if row.picos is None else int(row.picos))
    return {
        "requests": row.requests,
        "input_tokens": int(row.input_tokens),
        "output_tokens": int(row.output_tokens),
        "usd": usd,
        "unpriced": row.unpriced,
    }
