"""I4, I5 and I9: what was committed was executed, under one key, and what kills its workers is set aside."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator

from chaos.history import History
from chaos.invariants.breach import Breach, place_of
from chaos.load import CLERK, MAX_ATTEMPTS, STEPS


def commits_were_executed(history: History) -> Iterator[Breach]:
    """I4: what was committed was executed, under the very lease that committed it, and not by one that had lost its."""
    executed = {(one.run, one.path, one.position, one.direction, one.fence): one.pid for one in history.effects}
    for hop in history.hops:
        if not hop.done or hop.kind is not None:
            continue
        pid = executed.get((*hop.key, hop.direction, hop.fence))
        if pid is None:
            yield Breach("I4", f"{place_of(hop)}, fence {hop.fence}, was committed and never executed", hop.run)
        elif pid != hop.pid:
            yield Breach("I4", f"{place_of(hop)} was executed by {pid} and committed by {hop.worker}", hop.run)
        if hop.direction == "execute" and hop.step != CLERK and (hop.output or {}).get("fence") != hop.fence:
            text = f"{place_of(hop)} was leased with fence {hop.fence}, and holds the result of {hop.output}"
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
    leases = Counter((one.run, one.path, one.position, one.fence) for one in history.effects)
    for (run, path, position, fence), times in leases.items():
        if times > 1:
            yield Breach("I5", f"position {position} of {path!r} ran {times} times under the one lease {fence}", run)
    careful = {row.run for row in history.runs if row.kind == "careful"}
    parking = Counter(one.run for one in history.effects if one.run in careful and one.step == "three")
    yield from (
        Breach("I5", f"a step that runs at most once ran {n} times", run) for run, n in parking.items() if n > 1
    )
    if (repeated := repeats(history)) > history.interruptions * history.concurrency:
        yield Breach("I5", f"{repeated} executions were repeated, for {history.interruptions} interruptions")


def repeats(history: History) -> int:
    """Return how many executions were repeated for no fault of their own: not for a retry, poison, or an answer."""
    kinds = {row.run: row.kind for row in history.runs}
    run = Counter((one.run, one.path, one.position) for one in history.effects if one.step not in {"poison", CLERK})
    asked_for = sum(1 for one in run if kinds.get(one[0]) == "flaky" and one[2] == STEPS.index("three") + 1)
    return sum(run.values()) - len(run) - asked_for


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
