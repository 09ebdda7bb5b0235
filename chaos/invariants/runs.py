"""I1, I2, I3 and I6: runs end as they should, and their hops are those of the slip, forward and back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

from chaos.history import History, Hop, RunRow
from chaos.invariants.breach import Breach, place_of
from chaos.journeys import Place, Places, places_of
from chaos.load import chain_of, ends_of


def every_run_ends(history: History) -> Iterator[Breach]:
    """I1: every run that was dispatched is there, once, and is final as it should be, or parked with a reason."""
    there = Counter(row.number for row in history.runs if row.parent is None)
    for number in sorted(history.dispatched - there.keys()):
        yield Breach("I1", f"run {number} was dispatched and is not there")
    for row in history.runs:
        if there[row.number] > 1 and row.parent is None:
            yield Breach("I1", f"run {row.number} ({row.kind}) is there {there[row.number]} times", row.run)
        if row.status not in ends_of(row.kind):
            yield Breach("I1", f"a run of the kind {row.kind} is {row.status} ({row.reason}): {row.error}", row.run)
        if row.status == "waiting" and row.reason != "interrupted":
            yield Breach("I1", f"it waits without a good reason: {row.reason}", row.run)


def positions_are_committed_once_and_in_order(history: History) -> Iterator[Breach]:
    """I2: one committed row a position, in each path without a gap, in the order of time and of the slip."""
    seen = Counter(hop.key for hop in history.hops)
    executions = Counter(hop.committed_by for hop in history.hops if hop.committed_by is not None)
    done = Counter((hop.run, hop.step_id, hop.direction) for hop in history.hops if hop.done)
    for (run, step_id, direction), times in done.items():
        if times > 1:
            yield Breach("I2", f"the step {step_id} was done {times} times ({direction})", run)
    for (run, path), hops in history.paths_of().items():
        where = f" in {path}" if path else ""
        yield from (Breach("I2", f"{place_of(hop)} is there twice", run) for hop in hops if seen[hop.key] > 1)
        if [hop.position for hop in hops] != list(range(1, len(hops) + 1)):
            yield Breach("I2", f"its positions have a gap{where}: {[hop.position for hop in hops]}", run)
        behind = [hop for hop in hops if not hop.open]
        if any(one.completed_at > other.completed_at for one, other in pairwise(behind)):  # type: ignore[operator]
            yield Breach("I2", f"a later position was committed before an earlier one{where}", run)
        if any(executions[hop.committed_by] > 1 for hop in behind if hop.committed_by is not None):
            yield Breach("I2", f"one execution committed two positions{where}", run)
    yield from _out_of_order(history)


def _out_of_order(history: History) -> Iterator[Breach]:
    hops_of = history.hops_of()
    for row in history.runs:
        places = places_of(row.number, row.kind)
        for hop in hops_of[row.run]:
            place = places.get((hop.path, hop.position))
            if hop.direction == "execute" and (place is None or place.what != hop.what):
                yield Breach("I2", f"{hop.what} is out of order, at {place_of(hop)}", row.run)


def results_follow_from_inputs(history: History) -> Iterator[Breach]:
    """I3: each result, recomputed from the input, is what was committed; no update of a variable was lost."""
    hops_of = history.hops_of()
    for row in history.runs:
        places = places_of(row.number, row.kind)
        last: Hop | None = None
        for hop in hops_of[row.run]:
            place = places.get((hop.path, hop.position))
            if not hop.done or hop.direction != "execute" or place is None:
                continue
            last = last if hop.path else hop
            yield from _trail(history, hop, place)
            if hop.kind is None and chain_of(hop.output) != place.chain:
                yield Breach("I3", f"{place_of(hop)} came to {hop.output}, not to {place.chain}", row.run)
        if row.status == "completed":
            yield from _result(row, last, places)


def _result(row: RunRow, last: Hop | None, places: Places) -> Iterator[Breach]:
    end = max(position for path, position in places if not path)
    if last is None or last.position != end:
        yield Breach("I3", f"it completed at {None if last is None else last.position}, not at {end}", row.run)
    elif chain_of(row.output) != places["", end].chain:
        yield Breach("I3", f"the run came to {row.output}, not to {places['', end].chain}", row.run)


def _trail(history: History, hop: Hop, place: Place) -> Iterator[Breach]:
    """Hold the trail that is the newest in this path behind a hop against the plan."""
    places = ((hop.run, hop.path, position, "trail") for position in range(hop.position, 0, -1))
    trail = next((history.variables[place] for place in places if place in history.variables), None)
    if trail != list(place.trail):
        yield Breach("I3", f"the trail at {place_of(hop)} is {trail}, not {place.trail}", hop.run)


def undoing_is_the_exact_reverse(history: History) -> Iterator[Breach]:
    """I6: in each path compensations are what was committed and can be undone, backwards; all of it, if it says so.

    A node that was cut off in the middle is undone too: some of its branches may have completed.
    """
    rows = history.rows()
    for (run, path), hops in history.paths_of().items():
        row = rows.get(run)
        if row is None:
            continue
        wanted = [
            (path, hop.position)
            for hop in reversed(hops)
            if hop.direction == "execute" and hop.compensable and (hop.done or hop.kind is not None)
        ]
        undone = [(hop.undoes_path, hop.undoes) for hop in hops if hop.direction == "compensate" and hop.done]
        whole = row.status in {"compensated", "cancelled"}
        if undone != wanted[: len(undone)] or (whole and undone != wanted):
            yield Breach("I6", f"it is {row.status}; to be undone were {wanted}; undone were {undone}", run)
        if undone and row.status == "completed":
            yield Breach("I6", "it completed, and something of it was undone", run)
