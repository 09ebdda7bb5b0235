"""What must hold whatever happened: I1 to I16. Each checker reads a history and returns what is broken in it."""

from __future__ import annotations

from typing import Final

from chaos.history import History
from chaos.invariants.agents import people_and_budgets_are_heeded, the_ledger_is_what_was_recorded
from chaos.invariants.breach import Breach, Checker
from chaos.invariants.executions import (
    commits_were_executed,
    keys_are_kept,
    nobody_else_is_set_aside,
    poison_is_set_aside,
    repeats,
)
from chaos.invariants.leftovers import (
    nothing_is_left,
    nothing_leaks,
    recovery,
    the_database_is_sound,
    what_is_closed_stays_closed,
)
from chaos.invariants.runs import (
    every_run_ends,
    positions_are_committed_once_and_in_order,
    results_follow_from_inputs,
    undoing_is_the_exact_reverse,
)
from chaos.invariants.trees import (
    children_start_and_end_once,
    joins_fire_once_after_their_branches,
    signals_meet_one_wait,
)

__all__ = ["INVARIANTS", "Breach", "breaches", "recovery", "repeats"]

INVARIANTS: Final[tuple[Checker, ...]] = (
    every_run_ends,
    positions_are_committed_once_and_in_order,
    results_follow_from_inputs,
    commits_were_executed,
    keys_are_kept,
    undoing_is_the_exact_reverse,
    what_is_closed_stays_closed,
    nothing_is_left,
    poison_is_set_aside,
    nobody_else_is_set_aside,
    the_database_is_sound,
    nothing_leaks,
    joins_fire_once_after_their_branches,
    signals_meet_one_wait,
    children_start_and_end_once,
    the_ledger_is_what_was_recorded,
    people_and_budgets_are_heeded,
)
"""All but I12, the time to recover, which the drama itself measures."""


def breaches(history: History) -> list[Breach]:
    """Return everything that is broken."""
    return [breach for check in INVARIANTS for breach in check(history)]
