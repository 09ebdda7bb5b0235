"""Statements of plans that are too long to travel: stored once in a namespace, as long as a run refers to them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final
from uuid import UUID

from sqlalchemy import bindparam, delete, exists, select

from paigeant.model.values.values import Blob
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.tables import plans, run_plans

UNUSED: Final = 100
"""Limit of plans deleted in one transaction."""

_NAMESPACE: Final = plans.c.namespace == bindparam("namespace")
_THESE: Final = plans.c.digest.in_(bindparam("digests", expanding=True))
_IN_USE: Final = exists().where(run_plans.c.namespace == plans.c.namespace, run_plans.c.digest == plans.c.digest)

_LOAD: Final = PreparedStatement(select(plans.c.entries).where(_NAMESPACE, plans.c.digest == bindparam("digest")))
_HOLD: Final = (
    select(plans.c.digest).where(_NAMESPACE, _THESE).order_by(plans.c.digest).with_for_update(read=True, key_share=True)
)
_UNUSED: Final = (
    select(plans.c.digest).where(_NAMESPACE, ~_IN_USE).limit(UNUSED).with_for_update(of=plans, skip_locked=True)
)
_DROP: Final = delete(plans).where(_NAMESPACE, _THESE, ~_IN_USE)


def keep_plans(tx: Tx, kept: Iterable[tuple[UUID, Blob]]) -> None:
    """Write new plans, and the references of these runs; no query without any.

    An existing plan is locked until the transaction ends; otherwise a concurrent prune, which does not see these runs
    yet, would delete it. For the same reason a plan is looked up again after it was written: another process may have
    written it meanwhile, and only found plans are locked.
    """
    pairs = list(kept)
    missing = {plan.sha256: plan.json for _, plan in pairs}
    while missing:
        for row in tx.rows(_HOLD, namespace=tx.namespace, digests=sorted(missing)):
            del missing[row.digest]
        tx.add(plans, [{"namespace": tx.namespace, "digest": one, "entries": missing[one]} for one in sorted(missing)])
    uses = sorted({(run, plan.sha256) for run, plan in pairs})
    tx.add(run_plans, [{"workflow_id": run, "digest": digest, "namespace": tx.namespace} for run, digest in uses])


def load_plan(tx: Tx, digest: str) -> bytes | None:
    """Return the plan stored under this digest."""
    found: bytes | None = tx.scalar(_LOAD, namespace=tx.namespace, digest=digest)
    return found


def drop_unused(tx: Tx) -> None:
    """Delete some plans without a reference.

    They are locked first and checked again: a run that began to refer to one before the lock is visible by then.
    """
    digests = [row.digest for row in tx.rows(_UNUSED, namespace=tx.namespace)]
    if digests:
        tx.connection.execute(_DROP, {"namespace": tx.namespace, "digests": digests})
