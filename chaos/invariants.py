"""What must hold whatever happened: I1 to I12. Each checker reads a history and returns what is broken in it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from typing import Final, NamedTuple

from chaos.history import History, RunRow
from chaos.load import ENDS, MAX_ATTEMPTS, POISON, STEPS, fold, input_of


class Breach(NamedTuple):
    """An invariant that does not hold: where, and why."""

    invariant: str
    text: str
    run: str | None = None


Checker = Callable[[History], Iterable[Breach]]


def every_run_ends(history: History) -> Iterator[Breach]:
    """I1: every run that was dispatched is there, once, and is final as it should be, or parked with a reason."""
    there = Counter(row.number for row in history.runs)
    for number in sorted(history.dispatched - there.keys()):
        yield Breach("I1", f"run {number} was dispatched and is not there")
    for row in history.runs:
        if there[row.number] > 1:
            yield Breach("I1", f"run {number_of(row)} is there {there[row.number]} times", row.run)
        if row.status not in ENDS[row.kind]:
            yield Breach("I1", f"a run of the kind {row.kind} is {row.status} ({row.reason}): {row.error}", row.run)
        if row.status == "waiting" and row.reason != "interrupted":
            yield Breach("I1", f"it waits without a good reason: {row.reason}", row.run)


def number_of(row: RunRow) -> str:
    """Return how a run is named to a person."""
    return f"{row.number} ({row.kind})"


def positions_are_committed_once_and_in_order(history: History) -> Iterator[Breach]:
    """I2: one committed row a position, without a gap, in the order of time and of the slip; no step done twice."""
    seen = Counter((hop.run, hop.path, hop.position) for hop in history.hops)
    executions = Counter(hop.committed_by for hop in history.hops if hop.committed_by is not None)
    for run, hops in history.hops_of().items():
        behind = [hop for hop in hops if not hop.open]
        yield from (Breach("I2", f"position {hop.position} is there twice", run) for hop in hops if seen[hop[:3]] > 1)
        if [hop.position for hop in hops] != list(range(1, len(hops) + 1)):
            yield Breach("I2", f"its positions have a gap: {[hop.position for hop in hops]}", run)
        if any(one.completed_at > other.completed_at for one, other in pairwise(behind)):  # type: ignore[operator]
            yield Breach("I2", "a later position was committed before an earlier one", run)
        if any(executions[hop.committed_by] > 1 for hop in behind if hop.committed_by is not None):
            yield Breach("I2", "one execution committed two positions", run)
        done = Counter((hop.step_id, hop.direction) for hop in hops if hop.done)
        yield from (Breach("I2", f"{what} was done {times} times", run) for what, times in done.items() if times > 1)
        steps = [hop.step for hop in hops if hop.direction == "execute"]
        if tuple(steps) != (POISON if "poison" in steps else STEPS)[: len(steps)]:
            yield Breach("I2", f"its steps are out of order: {steps}", run)


def results_follow_from_inputs(history: History) -> Iterator[Breach]:
    """I3: each result, recomputed from the input, is what was committed; no update of a variable was lost."""
    hops_of = history.hops_of()
    for row in history.runs:
        done = [hop for hop in hops_of[row.run] if hop.done and hop.direction == "execute"]
        chain = input_of(row.number, row.kind)["chain"]
        for hop in done:
            chain = fold(chain, hop.step)
            if (hop.output or {}).get("chain") != chain:
                yield Breach("I3", f"position {hop.position} came to {hop.output}, not to {chain}", row.run)
        if row.status == "completed" and (row.output or {}).get("chain") != chain:
            yield Breach("I3", f"the run came to {row.output}, not to {chain}", row.run)
        if done and history.trails.get(row.run) != [hop.step for hop in done]:
            yield Breach("I3", f"its trail is {history.trails.get(row.run)}", row.run)


def commits_were_executed(history: History) -> Iterator[Breach]:
    """I4: what was committed was executed, under the very lease that committed it, and not by one that had lost its."""
    executed = {(one.run, one.position, one.direction, one.fence): one.pid for one in history.effects}
    for hop in history.hops:
        if not hop.done:
            continue
        pid = executed.get((hop.run, hop.position, hop.direction, hop.fence))
        if pid is None:
            yield Breach("I4", f"position {hop.position}, fence {hop.fence}, was committed and never executed", hop.run)
        elif pid != hop.pid:
            yield Breach("I4", f"position {hop.position} was executed by {pid} and committed by {hop.worker}", hop.run)
        if hop.direction == "execute" and (hop.output or {}).get("fence") != hop.fence:
            text = f"position {hop.position} was leased with fence {hop.fence}, and holds the result of {hop.output}"
            yield Breach("I4", text, hop.run)


def keys_are_kept(history: History) -> Iterator[Breach]:
    """I5: all effects of a step, and all of its undoing, have one key that no other has; repeats have a cause."""
    keys: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    owners: defaultdict[str, set[tuple[str, str, str]]] = defaultdict(set)
    for one in history.effects:
        keys[one.run, one.step_id, one.direction].add(one.key)
        owners[one.key].add((one.run, one.step_id, one.direction))
    yield from (Breach("I5", f"{what[1:]} had the keys {had}", what[0]) for what, had in keys.items() if len(had) > 1)
    yield from (Breach("I5", f"the key {key} has several owners") for key, had in owners.items() if len(had) > 1)
    leases = Counter((one.run, one.position, one.fence) for one in history.effects)
    for (run, position, fence), times in leases.items():
        if times > 1:
            yield Breach("I5", f"position {position} ran {times} times under the one lease {fence}", run)
    careful = {row.run for row in history.runs if row.kind == "careful"}
    parking = Counter(one.run for one in history.effects if one.run in careful and one.step == "three")
    yield from (
        Breach("I5", f"a step that runs at most once ran {n} times", run) for run, n in parking.items() if n > 1
    )
    if (repeated := repeats(history)) > history.interruptions * history.concurrency:
        yield Breach("I5", f"{repeated} executions were repeated, for {history.interruptions} interruptions")


def repeats(history: History) -> int:
    """Return how many executions were repeated for no fault of their own: not for a retry, nor for poison."""
    kinds = {row.run: row.kind for row in history.runs}
    run = Counter((one.run, one.position) for one in history.effects if one.step != "poison")
    asked_for = sum(1 for one in run if kinds.get(one[0]) == "flaky" and one[1] == STEPS.index("three") + 1)
    return sum(run.values()) - len(run) - asked_for


def undoing_is_the_exact_reverse(history: History) -> Iterator[Breach]:
    """I6: compensations are the committed compensable steps, backwards; all of them where the run says so."""
    hops_of = history.hops_of()
    for row in history.runs:
        hops = hops_of[row.run]
        wanted = [hop.position for hop in reversed(hops) if hop.direction == "execute" and hop.done and hop.compensable]
        undone = [hop.undoes for hop in hops if hop.direction == "compensate" and hop.done]
        if undone != wanted[: len(undone)] or (row.status == "compensated" and undone != wanted):
            yield Breach("I6", f"to be undone were {wanted}; undone were {undone}", row.run)
        if undone and row.status == "completed":
            yield Breach("I6", "it completed, and something of it was undone", row.run)


def what_is_closed_stays_closed(history: History) -> Iterator[Breach]:
    """I7: after ``terminate`` returned nothing is committed; a run that is over has no twin and no lease."""
    hops_of = history.hops_of()
    for row in history.runs:
        hops = hops_of[row.run]
        if row.completed_at is not None and (left := [hop for hop in hops if hop.open or hop.owner is not None]):
            yield Breach("I7", f"it is {row.status} and has the twin {left[0].position}, {left[0].status}", row.run)
        if row.status == "terminated":
            late = [hop for hop in hops if hop.done and hop.completed_at > row.completed_at]  # type: ignore[operator]
            yield from (Breach("I7", f"position {hop.position} was committed after its end", row.run) for hop in late)
    for run, then in history.when_terminated.items():
        if (now := hops_of.get(run, [])) != then:
            yield Breach("I7", f"after terminate had returned it changed from {then} to {now}", run)


def nothing_is_left(history: History) -> Iterator[Breach]:
    """I8: queues are empty, nothing is unacknowledged, and no twin is left but those of runs that wait."""
    yield from (Breach("I8", f"{count} left in {queue}") for queue, count in history.left.items() if count)
    waiting = {row.run for row in history.runs if row.status == "waiting"}
    for hop in history.hops:
        if hop.open and hop.run not in waiting:
            yield Breach("I8", f"a twin is left at {hop.position}: {hop.status}, due at {hop.due_at}", hop.run)


def poison_is_set_aside(history: History) -> Iterator[Breach]:
    """I9: a step that kills its worker is given up after exactly its attempts, and harms no neighbour."""
    taken: defaultdict[str, list[int]] = defaultdict(list)
    for one in history.effects:
        if one.step == "poison":
            taken[one.run].append(one.attempt)
    aside = [hop for hop in history.hops if hop.step == "poison" and not hop.open]
    for hop in aside:
        attempts = sorted(taken[hop.run])
        if not set(attempts) <= set(range(1, MAX_ATTEMPTS + 1)) or len(set(attempts)) != len(attempts):
            yield Breach("I9", f"poison was taken in the attempts {attempts}", hop.run)
        if hop.status == "failed" and hop.attempt <= MAX_ATTEMPTS:
            yield Breach("I9", f"poison was set aside in attempt {hop.attempt} already", hop.run)
    lost = sum(MAX_ATTEMPTS - len(taken[hop.run]) for hop in aside)
    if lost > history.interruptions:
        yield Breach("I9", f"{lost} attempts at poison were spent otherwise, in {history.interruptions} interruptions")


def nobody_else_is_set_aside(history: History) -> Iterator[Breach]:
    """I9: no step is given up for a death that was not its own."""
    for row in history.runs:
        if row.kind != "poison" and row.error is not None and row.error.get("type") == "Interrupted":
            yield Breach("I9", f"a neighbour of poison was set aside: {row.error}", row.run)


def the_database_is_sound(history: History) -> Iterator[Breach]:
    """I10: the database finds nothing wrong with itself."""
    yield from (Breach("I10", text) for text in history.damage)


def nothing_leaks(history: History) -> Iterator[Breach]:
    """I11: the worker that lived through it all holds no more than at the beginning, and the servers nothing."""
    yield from (Breach("I11", text) for text in history.leaks)


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
)
"""All but I12, the time to recover, which the drama itself measures."""


def breaches(history: History) -> list[Breach]:
    """Return everything that is broken."""
    return [breach for check in INVARIANTS for breach in check(history)]


def recovery(seconds: float, lease: float) -> list[Breach]:
    """I12: after the last fault every run ends within three leases and ten seconds."""
    limit = 3 * lease + 10
    return [Breach("I12", f"recovery took {seconds:.1f} s; {limit:g} s are allowed")] if seconds > limit else []
