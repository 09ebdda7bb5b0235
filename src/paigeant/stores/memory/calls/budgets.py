"""Budgets: room that is reserved before a request, and what was spent after it."""

from __future__ import annotations

from collections.abc import Sequence

from paigeant.model.hops import LeaseToken
from paigeant.model.spending.budgets import NOTHING, Amount, Budget
from paigeant.model.stored.checkpoints import Charge, StepEpoch
from paigeant.model.stored.reservations import BudgetView, Reservation, Reserved
from paigeant.protocol import leases
from paigeant.protocol.spending import budgets as protocol
from paigeant.stores.memory.kept import ReservationRow
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow


def reserve(rows: Rows, asked: Reservation) -> Reserved:
    """Reserve room in all budgets that apply, or in none."""
    hop = rows.hop(asked.held.key)
    if hop is None or not leases.is_alive(hop, asked.held.fence):
        return Reserved(alive=False)
    lines = protocol.scopes_of(asked.budgets, _payer(rows, hop, asked.agent), rows.clock())
    states = protocol.opened(lines, rows.calls.budgets, asked.raised)
    call = (_step(hop), asked.key)
    lacking = protocol.lacking(lines, states, _reserved(rows, but=call), asked.wants)
    rows.calls.budgets.update(states)
    rows.calls.budgets_at.update(dict.fromkeys(states, rows.clock()))
    if lacking is None and lines:
        scopes = tuple(dict.fromkeys(scope for _, scope in lines))
        rows.calls.reservations[call] = ReservationRow(asked.held, scopes, asked.wants)
    return Reserved(alive=True, lacking=lacking)


def release(rows: Rows, held: LeaseToken, key: str) -> None:
    """Give back what a call has reserved under this lease."""
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
    reserved = _reserved(rows)
    return [
        BudgetView.of(scope, state.cap.raised(state.raised), state.spent, reserved.get(scope, NOTHING))
        for scope, state in list(reversed(rows.calls.budgets.items()))[:limit]
    ]


def _payer(rows: Rows, hop: HopRow, agent: str | None) -> protocol.Payer:
    run = rows.runs[hop.workflow_id]
    return protocol.Payer(hop, run.workflow, run.tenant, agent)


def _reserved(rows: Rows, but: tuple[StepEpoch, str] | None = None) -> dict[str, Amount]:
    """Return what is reserved by open hops, by scope, but for one call."""
    found: dict[str, Amount] = {}
    for call, row in rows.calls.reservations.items():
        hop = rows.twins.get(row.held.key)
        if call == but or hop is None or (hop.epoch or 0) != call[0].epoch:
            continue
        for scope in row.scopes:
            found[scope] = found.get(scope, NOTHING).plus(row.amount)
    return found


def _step(hop: HopRow) -> StepEpoch:
    return StepEpoch(hop.workflow_id, hop.step_id, hop.direction, hop.epoch or 0)
