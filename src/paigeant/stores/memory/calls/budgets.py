"""Budgets in memory: reservations before requests, and spent amounts after them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from paigeant.model.hops import LeaseToken
from paigeant.model.spending.budgets import NOTHING, Amount, Budget
from paigeant.model.spending.charges import Charge
from paigeant.model.stored.checkpoints import StepEpoch
from paigeant.model.stored.reservations import BudgetView, Reservation, Reserved
from paigeant.protocol import leases
from paigeant.protocol.spending import budgets as protocol
from paigeant.protocol.spending.room import Room, Wanted
from paigeant.stores.memory.kept import ReservationRow
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow


def reserve(rows: Rows, asked: Sequence[Reservation]) -> list[Reserved]:
    """Reserve room, for one call after the other."""
    return [_reserve(rows, one) for one in asked]


def _reserve(rows: Rows, asked: Reservation) -> Reserved:
    hop = rows.hop(asked.held.key)
    if hop is None or not leases.is_alive(hop, asked.held.fence):
        return Reserved(alive=False)
    lines = protocol.scopes_of(asked.budgets, _payer(rows, hop, asked.agent), rows.clock())
    wanted = Wanted((_step(hop), asked.key), lines, asked.wants, asked.raised)
    open_ = dict(_open(rows))
    mine = open_.get(wanted.call)
    own = {} if mine is None else {(wanted.call, scope): mine.amount for scope in mine.scopes}
    room = Room(dict(rows.calls.budgets), _sums(open_.values()), own)
    lacking = room.reserve(wanted)
    rows.calls.budgets.update(room.states)
    rows.calls.budgets_at.update(dict.fromkeys(wanted.scopes, rows.clock()))
    if lacking is None and lines:
        rows.calls.reservations[wanted.call] = ReservationRow(asked.held, tuple(wanted.scopes), asked.wants)
    return Reserved(alive=True, lacking=lacking)


def release(rows: Rows, held: LeaseToken, key: str) -> None:
    """Release the reservation of a call under this lease."""
    known = rows.calls.reservations
    for call in [call for call, row in known.items() if call[1] == key and row.held == held]:
        del known[call]


def spend(rows: Rows, hop: HopRow, budgets: Sequence[Budget], charge: Charge) -> None:
    """Count a charge that was not in the ledger before."""
    states = rows.calls.budgets
    lines = protocol.scopes_of(budgets, _payer(rows, hop, charge.agent), rows.clock())
    for scope in {scope for _, scope in lines}:
        state = states.get(scope, protocol.BudgetState())
        states[scope] = state._replace(spent=state.spent.plus(protocol.amount_of(charge)))
        rows.calls.budgets_at[scope] = rows.clock()


def list_budgets(rows: Rows, limit: int) -> list[BudgetView]:
    """Return budgets, the newest first."""
    reserved = _sums(row for _, row in _open(rows))
    return [
        BudgetView.of(scope, state.cap.raised(state.raised), state.spent, reserved.get(scope, NOTHING))
        for scope, state in list(reversed(rows.calls.budgets.items()))[:limit]
    ]


def _payer(rows: Rows, hop: HopRow, agent: str | None) -> protocol.Payer:
    run = rows.runs[hop.workflow_id]
    return protocol.Payer(hop, run.workflow, run.tenant, agent)


def _open(rows: Rows) -> Iterator[tuple[tuple[StepEpoch, str], ReservationRow]]:
    """Yield the reservations of open hops in their present epochs, by call."""
    for call, row in rows.calls.reservations.items():
        hop = rows.twins.get(row.held.key)
        if hop is not None and (hop.epoch or 0) == call[0].epoch:
            yield call, row


def _sums(reserved: Iterable[ReservationRow]) -> dict[str, Amount]:
    """Return the reserved amounts, by scope."""
    found: dict[str, Amount] = {}
    for row in reserved:
        for scope in row.scopes:
            found[scope] = found.get(scope, NOTHING).plus(row.amount)
    return found


def _step(hop: HopRow) -> StepEpoch:
    return StepEpoch(hop.workflow_id, hop.step_id, hop.direction, hop.epoch or 0)
