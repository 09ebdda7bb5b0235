"""Statements of publications and workers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Final, TypeVar

from sqlalchemy import Text, bindparam, delete, select, true, update

from paigeant.errors import WrongState
from paigeant.model.limits import WORKER_ALIVE
from paigeant.model.people.deeds import Deed
from paigeant.model.plan import ActivityCard, Plan, WorkerCard
from paigeant.protocol.operate import unknown_worker
from paigeant.sql.execution.transaction import Tx, chunks
from paigeant.sql.schema.installation import activities, workers, workflows
from paigeant.sql.statements.custody.deeds import keep_deeds

Published = TypeVar("Published", Plan, ActivityCard)

_NAMESPACE: Final = bindparam("namespace", type_=Text)
_PLANS: Final = select(workflows.c.name, workflows.c.plan, workflows.c.published_at).where(
    workflows.c.namespace == _NAMESPACE, workflows.c.name.in_(bindparam("names", expanding=True))
)
_NAMES: Final = select(workflows.c.name).where(workflows.c.namespace == _NAMESPACE).order_by(workflows.c.name)
_CARDS: Final = select(activities.c.name, activities.c.card, activities.c.published_at).where(
    activities.c.namespace == _NAMESPACE, activities.c.name.in_(bindparam("names", expanding=True))
)
_LIVING: Final = (
    select(*(workers.c[name] for name in ("id", "host", "pid", "topics", "workflows", "draining")))
    .where(workers.c.namespace == _NAMESPACE, workers.c.seen_at > bindparam("since"))
    .order_by(workers.c.id)
)
_GONE: Final = delete(workers).where(
    workers.c.namespace == _NAMESPACE, (workers.c.id == bindparam("b_id")) | (workers.c.seen_at <= bindparam("b_since"))
)
_ONE: Final = (workers.c.namespace == bindparam("b_namespace"), workers.c.id == bindparam("b_id"))
_DRAIN: Final = update(workers).where(*_ONE, workers.c.seen_at > bindparam("b_since")).values(draining=true())
_DRAINING: Final = select(workers.c.draining).where(*_ONE)
_DEAD: Final = delete(workers).where(workers.c.id == bindparam("b_id"))


def publish_catalog(tx: Tx, plans: Sequence[Plan], cards: Sequence[ActivityCard]) -> None:
    """Record workflows and activities by name; the latest publication wins."""
    shared = {"namespace": tx.namespace, "published_at": tx.now}
    tx.upsert(workflows, [{**shared, "name": plan.name, "plan": plan} for plan in plans])
    tx.upsert(activities, [{**shared, "name": card.name, "card": card} for card in cards])


def find_plans(tx: Tx, names: Collection[str]) -> dict[str, Plan]:
    """Return the published workflows of these names."""
    found = (tx.rows(_PLANS, namespace=tx.namespace, names=part) for part in chunks(list(names)))
    return {row.name: _published(_readable(row.plan, row.name), row.published_at) for rows in found for row in rows}


def _readable(plan: Plan | None, name: str) -> Plan:
    if plan is None:
        text = f"the workflow {name} as it lies in the store cannot be read: have a worker publish it again"
        raise WrongState(text)
    return plan


def _published(one: Published, at: datetime) -> Published:
    """Return a publication with the time of its storage, if it is signed."""
    said = one.publication
    return one if said is None else one.model_copy(update={"publication": said.model_copy(update={"at": at})})


def list_plans(tx: Tx) -> list[str]:
    """Return the names of all published workflows, sorted."""
    return [row.name for row in tx.rows(_NAMES, namespace=tx.namespace)]


def find_cards(tx: Tx, names: Collection[str]) -> dict[str, ActivityCard]:
    """Return the published cards of these activities, by name."""
    found = (tx.rows(_CARDS, namespace=tx.namespace, names=part) for part in chunks(list(names)))
    return {row.name: _published(row.card, row.published_at) for rows in found for row in rows if row.card is not None}


def report_worker(tx: Tx, card: WorkerCard, *, gone: bool) -> bool:
    """Record a worker as alive, or gone, and forget silent ones; returns True if it was asked to drain."""
    if gone:
        tx.connection.execute(
            _GONE, {"namespace": tx.namespace, "b_id": card.id, "b_since": tx.now - 10 * WORKER_ALIVE}
        )
        return False
    row = {**asdict(card), "namespace": tx.namespace, "seen_at": tx.now, "draining": False}
    tx.upsert(workers, [row], keep="draining")
    return is_draining(tx, card.id)


def drain_worker(tx: Tx, worker: str, gone: Collection[str], deed: Deed | None) -> None:
    """Ask a worker to drain, and write the deed; raises UnknownWorker for one that is not alive."""
    asked = {"b_namespace": tx.namespace, "b_id": worker, "b_since": tx.now - WORKER_ALIVE}
    if worker in gone or not tx.connection.execute(_DRAIN, asked).rowcount:
        raise unknown_worker(worker)
    keep_deeds(tx, deed)


def is_draining(tx: Tx, worker: str) -> bool:
    """True if a worker was asked to drain."""
    return bool(tx.connection.execute(_DRAINING, {"b_namespace": tx.namespace, "b_id": worker}).scalar_one_or_none())


def forget_worker(tx: Tx, owner: str) -> None:
    """Forget a dead worker, in every namespace."""
    tx.connection.execute(_DEAD, {"b_id": owner})


def list_workers(tx: Tx, gone: Collection[str]) -> list[WorkerCard]:
    """Return the workers that have reported recently, except those known to be ``gone``."""
    rows = tx.rows(_LIVING, namespace=tx.namespace, since=tx.now - WORKER_ALIVE)
    return [WorkerCard(*row) for row in rows if row.id not in gone]


def served(tx: Tx, gone: Collection[str]) -> set[str]:
    """Return the topics that living workers serve."""
    return {topic for card in list_workers(tx, gone) for topic in card.served}
