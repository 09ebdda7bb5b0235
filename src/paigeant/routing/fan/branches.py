"""Nodes with branches: which branches begin, and the outcome of the node once all have ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from paigeant.model.entries.entry import Entry
from paigeant.model.entries.fan import Fan, OnFault
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.fan.joins import SUPPLY, BranchEnd, Closing, EndedBranch, JoinStart, JoinState
from paigeant.model.fan.outcomes import BranchStart, FannedOut, Joined, JoinFailed
from paigeant.model.hops import Leased
from paigeant.model.limits import VALUE_BYTES
from paigeant.model.outcomes import Completed, Fault, Faulted
from paigeant.model.plan_text import Planned, PlanText
from paigeant.model.runs import RunError
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import NULL, Value, inline
from paigeant.routing.close import is_to_end
from paigeant.routing.messages import error_at

FanOutcome = FannedOut | Joined | JoinFailed | Faulted | Completed[Value]

ITEMS: Final = 100_000
"""Limit of items of a for-each."""


def begin_parallel(leased: Leased, entry: Parallel) -> FanOutcome:
    """Return the outcome of a parallel under its first lease."""
    total = len(entry.branches)
    start = JoinStart(total, entry.needed, total, entry.policy)
    return FannedOut(_branches_of(leased, entry, 0), start)


def _branches_of(leased: Leased, entry: Parallel, written: int) -> tuple[BranchStart, ...]:
    """Return the next branches of a parallel, from this number on."""
    numbers = range(written, min(len(entry.branches), written + SUPPLY))
    previous = leased.message.payload.previous
    return tuple(BranchStart(n, write_branch(entry.branches[n].entries), previous) for n in numbers)


def begin_for_each(entry: ForEach, items: Sequence[Value], frozen: Value) -> FanOutcome:
    """Return the outcome of a for-each under its first lease; ``frozen`` is the stored list."""
    start = JoinStart(len(items), len(items), entry.max_concurrency, entry.policy, entry.collect, frozen)
    if not items:
        output = inline([]) if entry.collect else inline(0)
        return Joined(output, {entry.output_name: output})
    return FannedOut(items_from(entry, items, 0), start)


def not_a_list(way: str, why: str) -> Faulted:
    """Return the outcome of a for-each whose ``in_`` is not a valid list."""
    return Faulted(Fault(type="InvalidItems", message=f"{way!r} should be a list: {why}"), begun=False)


def items_from(entry: ForEach, items: Sequence[Value], written: int) -> tuple[BranchStart, ...]:
    """Return the branches of the next items, from this number on; ``items`` has at least those."""
    entries = write_branch(entry.entries)
    numbers = range(written, min(len(items), written + SUPPLY))
    return tuple(BranchStart(n, entries, items[n], own_of(entry.item, n, items[n])) for n in numbers)


def own_of(item: str, number: int, value: Value) -> Mapping[str, Value]:
    """Return the variables of the branch of this item."""
    return {item: value, f"{item}_index": inline(number)}


def write_branch(entries: Sequence[Entry]) -> PlanText:
    """Return the plan of a branch. If its first hop decides a condition, each entry has a fixed place."""
    placed = bool(entries[0].conditions)
    return PlanText([Planned(entry, str(n) if placed else None) for n, entry in enumerate(entries)])


def supply_parallel(leased: Leased, entry: Parallel, join: JoinState) -> FannedOut:
    """Return more branches of a parallel that is leased again."""
    return FannedOut(_branches_of(leased, entry, join.written))


# -- all branches have ended


@dataclass(frozen=True, slots=True)
class Results:
    """Results of a node's ended branches, as far as they are needed.

    ``output`` is that of the node; ``published`` are the variables of its branches that are visible behind it.
    """

    output: Value = NULL
    published: Mapping[str, Value] = field(default_factory=dict[str, Value])
    errors: Value | None = None


def failure_of(leased: Leased, join: JoinState) -> JoinFailed | None:
    """Return the failure of a node whose branches have all ended, None if it goes on."""
    if join.stuck:
        return JoinFailed(_error(leased, join, join.stuck), stuck=True)
    ending = is_to_end(leased)
    if ending is not None:
        failed = JoinFailed(error_at(leased.message, ending.fault), ending.fault.kind, compensate=ending.compensate)
    elif join.closing is Closing.SIZE:
        text = f"the results are more than {VALUE_BYTES:,} bytes: return less, or say collect=False"
        failed = JoinFailed(error_at(leased.message, Fault(type="ResultsTooLarge", message=text)))
    elif join.enough:
        return None
    else:
        failed = JoinFailed(_error(leased, join, join.failed))
    return replace(failed, undo=join.undoable > 0 and failed.compensate, undone=join.undone)


def _error(leased: Leased, join: JoinState, count: int) -> RunError:
    """Return the error of the first failed branch, with the number of failed ones."""
    error = join.error or error_at(leased.message, Fault(type="BranchFailed", message="a branch failed"))
    others = f" ({count} branches failed)" if count > 1 else ""
    return error.model_copy(update={"message": error.message + others})


def surplus(join: JoinState, ended: Sequence[EndedBranch]) -> tuple[tuple[int, EndedBranch], ...]:
    """Return the compensable branches that completed after their join had enough: they are undone first."""
    late = (one for one in ended if one.end is BranchEnd.COMPLETED and one.rank >= join.start.needed)
    return tuple((one.number, one) for one in late if one.undo) if join.closing is Closing.ENOUGH else ()


def counted(join: JoinState, ended: Sequence[EndedBranch]) -> list[EndedBranch]:
    """Return the completed branches that count, by number."""
    return [one for one in ended if one.end is BranchEnd.COMPLETED and one.rank < join.start.needed]


def join_branches(entry: Fan, join: JoinState, results: Results) -> Joined:
    """Return the outcome of a node with enough completed branches."""
    variables = dict(results.published)
    if entry.output_name is not None:
        variables[entry.output_name] = results.output
    if results.errors is not None:
        variables[entry.errors_name] = results.errors
    return Joined(results.output, variables, undo=join.undoable > 0)


def errors_of(entry: Fan, failed: Sequence[EndedBranch]) -> bytes:
    """Return the errors of skipped branches as JSON: the branch, the step and the error."""
    return to_json(
        [
            {
                "branch": entry.branches[one.number].name if isinstance(entry, Parallel) else one.number,
                "step": one.error and one.error.step,
                "type": one.error and one.error.type,
                "message": one.error and one.error.message,
            }
            for one in failed
        ]
    )


# -- compensation


def begin_undoing(join: JoinState, ended: Sequence[EndedBranch]) -> FanOutcome:
    """Return the outcome of a node's compensation under its first lease; ``join`` is the node's own."""
    if not join.undoable:
        return Completed(NULL)
    total = join.undoable
    start = JoinStart(total, total, join.start.window, OnFault.FINISH, collect=False, back=True)
    return FannedOut(undoes=tuple(enumerate(ended)), start=start)


def finish_undoing_node(leased: Leased, join: JoinState) -> FanOutcome:
    """Return the outcome of a node's compensation once all branches have ended."""
    if join.stuck:
        return JoinFailed(_error(leased, join, join.stuck), stuck=True)
    return Completed(NULL)
