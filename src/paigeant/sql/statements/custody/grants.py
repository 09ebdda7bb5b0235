"""Statements of grants: written with the dispatch, read under a lease, and deleted at the end of their runs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import BigInteger, Text, Uuid, bindparam, delete, select

from paigeant.model.hops import Commit, LeaseToken, RunStart
from paigeant.model.message import HopKey
from paigeant.model.people.deeds import Deed
from paigeant.model.secrecy.grants import GrantAnswer, SealedGrant
from paigeant.model.transition import Held
from paigeant.protocol.operate import Hurried
from paigeant.protocol.people import grants as protocol
from paigeant.sql.execution.keys import IN_HOP_LIST, hop_list, keys_of, unindexed
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.custody import grants
from paigeant.sql.schema.tables import Columns, step_executions, workflow_runs
from paigeant.sql.statements.custody.deeds import keep_deeds
from paigeant.sql.statements.hops import HOP, OPEN, STILL_OPEN, changed, changing, key_of, steps

runs: Columns = workflow_runs.c

_READ: Final = PreparedStatement(
    select(grants.c.sealed)
    .join_from(step_executions, workflow_runs, runs.workflow_id == steps.workflow_id)
    .outerjoin(grants, grants.c.workflow_id == bindparam("granted", type_=Uuid()))
    .where(
        steps.workflow_id == bindparam("workflow_id", type_=Uuid()),
        steps.path == bindparam("path", type_=Text()),
        steps.position == bindparam("position", type_=BigInteger()),
        steps.fence == bindparam("fence", type_=BigInteger()),
        steps.owner == bindparam("owner", type_=Text()),
        unindexed(runs.namespace == bindparam("namespace", type_=Text())),
        runs.completed_at.is_(None),
        STILL_OPEN,
    )
)
_DROP: Final = delete(grants).where(grants.c.workflow_id.in_(bindparam("runs", expanding=True)))
_SHOWN: Final = (*HOP, steps.owner, steps.status, steps.reason, steps.started_at)
_THESE: Final = select(*_SHOWN).join_from(hop_list, step_executions, IN_HOP_LIST)
_STORED: Final = (
    select(grants.c.workflow_id, grants.c.stored_at)
    .where(grants.c.workflow_id.in_(bindparam("runs", expanding=True)))
    .order_by(grants.c.workflow_id)
    .with_for_update(read=True)
)
"""Waits for a renewal in progress; one that comes later finds the hop waiting."""

_OF_RUN: Final = (
    select(*_SHOWN)
    .where(steps.workflow_id == bindparam("workflow_id", type_=Uuid()), OPEN)
    .order_by(*HOP)
    .with_for_update()
)
_within: Final = (
    select(runs.workflow_id)
    .where(runs.parent_id == bindparam("workflow_id", type_=Uuid()), runs.completed_at.is_(None))
    .cte("within", recursive=True)
)
_child: Final = workflow_runs.alias("child")
_WITHIN: Final = (
    select(*_SHOWN)
    .where(
        steps.workflow_id.in_(
            select(
                _within.union(
                    select(_child.c.workflow_id)
                    .join_from(_child, _within, _child.c.parent_id == _within.c.workflow_id)
                    .where(_child.c.completed_at.is_(None))
                ).c.workflow_id
            )
        ),
        OPEN,
    )
    .order_by(*HOP)
    .with_for_update(of=step_executions)
)
_DUE: Final = changing(Hurried)


def keep_grants(tx: Tx, starts: Iterable[RunStart]) -> None:
    """Write the grants of new runs that have one."""
    tx.upsert(grants, [_row(tx, one.workflow_id, one.grant) for one in starts if one.grant is not None])


def load_grant(tx: Tx, held: LeaseToken, owner: str, run: UUID) -> GrantAnswer:
    """Return the grant of a run, which is or contains that of a leased hop."""
    about = {**held.key._asdict(), "fence": held.fence, "owner": owner, "granted": run, "namespace": tx.namespace}
    rows = tx.rows(_READ, **about)
    return GrantAnswer(alive=bool(rows), sealed=rows[0].sealed.encode() if rows and rows[0].sealed else None)


def renew_grant(tx: Tx, run: Any, grant: SealedGrant, deed: Deed | None) -> int:
    """Replace a grant, and make waiting hops of its run due; the ``run`` is locked."""
    protocol.require_open(run)
    tx = tx.later()
    tx.upsert(grants, [_row(tx, run.workflow_id, grant)])
    keep_deeds(tx, deed)
    return _hasten(
        tx, tx.rows(_OF_RUN, workflow_id=run.workflow_id), {run.workflow_id: tx.now}, lambda _: run.workflow_id
    )


def hasten_within(tx: Tx, run: UUID) -> int:
    """Make hops due that wait, in runs within this one, for its grant, which has been stored."""
    rows = tx.rows(_WITHIN, workflow_id=run)
    return _hasten(tx, rows, _stored(tx, [run]), lambda _: run) if rows else 0


def hasten_held(tx: Tx, commits: Iterable[Commit]) -> None:
    """Make those of these hops due that begin to wait for a grant which has arrived meanwhile."""
    granted: dict[HopKey, UUID] = {}
    for one in commits:
        hop = one.transition.hop
        if one.granted is not None and isinstance(hop, Held) and hop.fault is None:
            granted[one.held.key] = one.granted
    if granted:
        stored = _stored(tx, sorted(set(granted.values())))
        _hasten(tx, tx.rows(_THESE, keys=keys_of(list(granted))), stored, granted.__getitem__)


def drop_grants(tx: Tx, ended: Sequence[UUID]) -> None:
    """Delete the grants of runs that have ended."""
    if ended:
        tx.connection.execute(_DROP, {"runs": list(ended)})


def _stored(tx: Tx, of: Sequence[UUID]) -> dict[UUID, datetime]:
    return {row.workflow_id: row.stored_at for row in tx.rows(_STORED, runs=list(of))}


def _hasten(tx: Tx, rows: Sequence[Any], stored: Mapping[UUID, datetime], granted: Callable[[HopKey], UUID]) -> int:
    """Make waiting hops due whose grants were stored since their leases; returns their number."""
    found = [(key_of(row), protocol.hasten(row, stored.get(granted(key_of(row))), tx.now)) for row in rows]
    return tx.many(_DUE, [changed(key, change) for key, change in found if change is not None])


def _row(tx: Tx, workflow_id: UUID, grant: SealedGrant) -> dict[str, Any]:
    return {
        "workflow_id": workflow_id,
        "handle": grant.handle,
        "sealed": grant.sealed.decode(),
        "expires_at": grant.expires_at.isoformat(),
        "stored_at": tx.now,
    }
