"""Statements of budgets: reservations before requests, and spent amounts after them.

The rows of budgets are locked in the order of their scopes, after those of hops; reservations are summed under these
locks, so that concurrent ones see each other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final, TypeAlias, cast
from uuid import UUID

from sqlalchemy import Integer, Text, and_, bindparam, delete, func, null, or_, select, union_all

from paigeant.model.hops import LeaseToken
from paigeant.model.spending.budgets import NOTHING, Amount, Cap
from paigeant.model.spending.charges import Charge
from paigeant.model.stored.checkpoints import Recording
from paigeant.model.stored.reservations import BudgetView, Reservation, Reserved
from paigeant.protocol.calls.recorded import uncharged
from paigeant.protocol.spending import budgets as protocol
from paigeant.protocol.spending.room import Room, Wanted
from paigeant.sql.execution.keys import call_list, calls_of, list_of, one_of
from paigeant.sql.execution.prepared import PreparedStatement, insert_of
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.calls import budgets, ledger, reservations
from paigeant.sql.schema.tables import Columns, step_executions
from paigeant.sql.statements.calls.leased import leased, step_of
from paigeant.sql.statements.hops import STILL_OPEN, steps

rows: Columns = budgets.c
held: Columns = reservations.c
_Call: TypeAlias = tuple[UUID, UUID, str, int, str]
_CALL: Final = ("workflow_id", "step_id", "direction", "epoch", "key")
_LOCKED: Final = PreparedStatement(
    select(*rows)
    .where(rows.namespace == bindparam("namespace", type_=Text()), one_of(rows.scope, "scopes"))
    .order_by(rows.scope)
    .with_for_update(of=budgets)
)
_OPEN_HOP: Final = (
    (steps.workflow_id == held.workflow_id)
    & (steps.path == held.path)
    & (steps.position == held.position)
    & STILL_OPEN
    & (func.coalesce(steps.epoch, 0, type_=Integer()) == held.epoch)
)
_THIS: Final = and_(*(held[name] == bindparam(f"c_{name}", type_=held[name].type) for name in _CALL))
_OF_SCOPES: Final = (held.namespace == bindparam("namespace", type_=Text())) & one_of(held.scope, "scopes")
_SUMS: Final = (
    select(held.scope, *(null().cast(held[name].type).label(name) for name in _CALL))
    .add_columns(func.sum(held.picos).label("picos"), func.sum(held.tokens).label("tokens"))
    .join_from(reservations, step_executions, _OPEN_HOP)
    .where(_OF_SCOPES)
    .group_by(held.scope)
)
_OWN: Final = (
    select(held.scope, *(held[name] for name in _CALL), held.picos, held.tokens)
    .join_from(call_list, reservations, and_(*(held[name] == call_list.c[name] for name in _CALL)))
    .join(step_executions, _OPEN_HOP)
    .where(_OF_SCOPES)
)
_RESERVED: Final = PreparedStatement(select(union_all(_SUMS, _OWN).subquery()))
"""Reserved amounts of budgets, by scope, and the part of the listed calls."""
_GIVE_BACK: Final = PreparedStatement(delete(reservations).where(_THIS))
_UNDER: Final = ("workflow_id", "path", "position", "fence", "key")
_RELEASE: Final = PreparedStatement(
    delete(reservations).where(*(held[name] == bindparam(f"c_{name}", type_=held[name].type) for name in _UNDER))
)
_CHARGED: Final = PreparedStatement(
    select(*(ledger.c[name] for name in _CALL)).join_from(
        call_list, ledger, and_(*(ledger.c[name] == call_list.c[name] for name in _CALL))
    )
)


def reserve(tx: Tx, asked: Sequence[Reservation]) -> list[Reserved]:
    """Reserve room in all budgets of each call, or in none, for one call after the other."""
    hops = leased(tx, {one.held for one in asked})
    wanted = {number: _wanted(tx, hops[one.held], one) for number, one in enumerate(asked) if one.held in hops}
    scopes = sorted({scope for one in wanted.values() for scope in one.scopes})
    if not scopes:
        return [Reserved(alive=number in wanted) for number in range(len(asked))]
    before = _lock(tx, scopes)
    room = Room(dict(before), *_reserved(tx, scopes, [one.call for one in wanted.values()]))
    found = {number: room.reserve(one) for number, one in wanted.items()}
    tx.upsert(budgets, [_row(tx, scope, room.states[scope]) for scope in scopes if room.states[scope] != before[scope]])
    granted = {
        (scope, one.call): _reservation_row(tx, scope, one, hops[asked[number].held])
        for number, one in wanted.items()
        if found[number] is None
        for scope in one.scopes
    }  # of a call listed twice the later counts
    tx.upsert(reservations, list(granted.values()))
    return [Reserved(alive=number in wanted, lacking=found.get(number)) for number in range(len(asked))]


def _wanted(tx: Tx, hop: Any, asked: Reservation) -> Wanted[_Call]:
    payer = protocol.Payer(hop, hop.workflow, hop.tenant, asked.agent)
    lines = protocol.scopes_of(asked.budgets, payer, tx.now)
    return Wanted((*step_of(hop).values(), asked.key), lines, asked.wants, asked.raised)


def _reservation_row(tx: Tx, scope: str, asked: Wanted[_Call], hop: Any) -> dict[str, Any]:
    place = {"path": hop.path, "position": hop.position, "fence": hop.fence, **asked.wants._asdict()}
    return {"namespace": tx.namespace, "scope": scope, **dict(zip(_CALL, asked.call, strict=True)), **place}


def release(tx: Tx, token: LeaseToken, key: str) -> None:
    """Release the reservation of a call under this lease."""
    place = token.key._asdict() | {"fence": token.fence, "key": key}
    tx.rows(_RELEASE, **{f"c_{name}": value for name, value in place.items()})


def fresh(
    tx: Tx, recordings: Sequence[tuple[Any, Recording]], *, repeated: bool
) -> list[tuple[Any, Recording, Sequence[Charge]]]:
    """Return recordings, each with those of its charges that are not in the ledger yet; called before writing them.

    The ledger is queried only if some are ``repeated``.
    """
    asked = [(*step_of(hop).values(), charge.key) for hop, recording in recordings for charge in recording.charges]
    known = _in_ledger(tx, asked) if repeated else set[_Call]()
    found: list[tuple[Any, Recording, Sequence[Charge]]] = []
    for hop, recording in recordings:
        step = tuple(step_of(hop).values())
        new = list(uncharged(recording.charges, lambda key, step=step: (*step, key) in known))
        known.update((*step, charge.key) for charge in new)
        found.append((hop, recording, new))
    return found


def settle(tx: Tx, settled: Sequence[tuple[Any, Recording, Sequence[Charge]]]) -> None:
    """Count spent amounts, and release their reservations."""
    spent: dict[str, Amount] = {}
    for hop, recording, charges in settled:
        for charge in charges:
            payer = protocol.Payer(hop, hop.workflow, hop.tenant, charge.agent)
            for scope in {scope for _, scope in protocol.scopes_of(recording.budgets, payer, tx.now)}:
                spent[scope] = spent.get(scope, NOTHING).plus(protocol.amount_of(charge))
    counted = [_row(tx, scope, protocol.BudgetState(amount)) for scope, amount in sorted(spent.items())]
    tx.many(_spend(tx.driver.dialect), counted)  # this locks the rows in order
    for hop, recording, _ in settled:
        if recording.checkpoint is not None:
            call = step_of(hop) | {"key": recording.checkpoint.key}
            tx.rows(_GIVE_BACK, **{f"c_{name}": call[name] for name in _CALL})


@cache
def _spend(dialect: str) -> PreparedStatement:
    """Return the upsert that adds to a budget."""
    made = insert_of(dialect)(budgets)
    spent = {name: rows[name] + made.excluded[name] for name in ("spent_picos", "spent_tokens")}
    later = spent | {"updated_at": made.excluded.updated_at}
    return PreparedStatement(made.on_conflict_do_update(index_elements=list(budgets.primary_key), set_=later))


def list_budgets(tx: Tx, limit: int) -> list[BudgetView]:
    """Return budgets, the last changed first."""
    query = select(budgets).where(rows.namespace == tx.namespace).order_by(rows.updated_at.desc(), rows.scope)
    found = tx.connection.execute(query.limit(limit)).all()
    reserved, _ = _reserved(tx, [row.scope for row in found], [])
    return [
        BudgetView.of(
            row.scope,
            Cap(row.cap_picos, row.cap_tokens).raised(Cap(row.raised_picos, row.raised_tokens)),
            Amount(row.spent_picos, row.spent_tokens),
            reserved.get(row.scope, NOTHING),
        )
        for row in found
    ]


def _lock(tx: Tx, scopes: Sequence[str]) -> dict[str, protocol.BudgetState]:
    """Lock the rows of budgets, creating missing ones, and return them."""
    found = tx.rows(_LOCKED, namespace=tx.namespace, scopes=list_of(scopes))
    if len(found) < len(scopes):
        tx.add(budgets, [_row(tx, scope, protocol.BudgetState()) for scope in scopes])
        found = tx.rows(_LOCKED, namespace=tx.namespace, scopes=list_of(scopes))
    return {
        row.scope: protocol.BudgetState(
            Amount(row.spent_picos, row.spent_tokens),
            Cap(row.cap_picos, row.cap_tokens),
            Cap(row.raised_picos, row.raised_tokens),
        )
        for row in found
    }


def _row(tx: Tx, scope: str, state: protocol.BudgetState) -> dict[str, Any]:
    return {
        "namespace": tx.namespace,
        "scope": scope,
        "spent_picos": state.spent.picos,
        "spent_tokens": state.spent.tokens,
        "cap_picos": state.cap.picos,
        "cap_tokens": state.cap.tokens,
        "raised_picos": state.raised.picos,
        "raised_tokens": state.raised.tokens,
        "updated_at": tx.now,
    }


def _reserved(
    tx: Tx, scopes: Sequence[str], calls: Sequence[_Call]
) -> tuple[dict[str, Amount], dict[tuple[_Call, str], Amount]]:
    """Return the reservations of open hops, by scope, and those of these calls."""
    found = tx.rows(_RESERVED, namespace=tx.namespace, scopes=list_of(scopes), calls=calls_of(calls)) if scopes else ()
    sums: dict[str, Amount] = {}
    own: dict[tuple[_Call, str], Amount] = {}
    for row in found:
        amount = Amount(int(row.picos), int(row.tokens))
        if row.key is None:
            sums[row.scope] = amount
        else:
            own[tuple(getattr(row, name) for name in _CALL), row.scope] = amount  # pyright: ignore[reportArgumentType]
    return sums, own


def _in_ledger(tx: Tx, calls: Sequence[_Call]) -> set[_Call]:
    return {cast("_Call", tuple(row)) for row in tx.rows(_CHARGED, calls=calls_of(calls))} if calls else set()


def drop_budgets(tx: Tx, runs: Iterable[UUID]) -> None:
    """Delete the budgets of deleted runs, and of their steps."""
    for run in runs:
        first, beyond = protocol.scopes_of_run(run)
        of_run = rows.scope.between(first, beyond) | (rows.scope == protocol.scope_of_run(run))
        tx.connection.execute(delete(budgets).where(rows.namespace == tx.namespace, of_run))


def drop_past_budgets(tx: Tx, before: datetime) -> None:
    """Delete the budgets of days without spending since then."""
    of_days = [rows.scope.startswith(f"{kind} ") for kind in protocol.OF_DAYS]
    old = (rows.namespace == tx.namespace) & (rows.updated_at < before) & or_(*of_days)
    tx.connection.execute(delete(budgets).where(old))
