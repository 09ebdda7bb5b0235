"""I7, I8, I10, I11 and I12: what is closed stays closed, and nothing is left behind or damaged."""

from __future__ import annotations

from collections.abc import Iterator

from chaos.history import History
from chaos.invariants.breach import Breach


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


def the_database_is_sound(history: History) -> Iterator[Breach]:
    """I10: the database finds nothing wrong with itself."""
    yield from (Breach("I10", text) for text in history.damage)


def nothing_leaks(history: History) -> Iterator[Breach]:
    """I11: the worker that lived through it all holds no more than at the beginning, and the servers nothing."""
    yield from (Breach("I11", text) for text in history.leaks)


def recovery(seconds: float, lease: float) -> list[Breach]:
    """I12: after the last fault every run ends within three leases and ten seconds."""
    limit = 3 * lease + 10
    return [Breach("I12", f"recovery took {seconds:.1f} s; {limit:g} s are allowed")] if seconds > limit else []
