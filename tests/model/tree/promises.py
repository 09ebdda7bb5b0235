"""What must be true of every step from one world to the next. Each promise returns what broke it."""

from __future__ import annotations

from collections.abc import Iterator

from paigeant.model.runs import StepStatus
from tests.model.tree.nouns import Run, Setting, World

FIRED = "a node is left before its branches have ended"
COUNTED = "a branch is counted twice"
CLOSED = "something of a branch is committed that has ended"
LOST = "an open branch has no open hop, or two"
WIDE = "more branches are under way than may be"
ORDER = "what is undone is not the reverse of what was done"
PASSED = "a signal and its wait pass each other by"
TWICE = "a signal meets two waits"
ORPHAN = "a child goes on without its parent"
EARLY = "a node is left before its child has ended"
FINAL = "something is written to a final run"
LATE = "a child begins after its run was asked to be cancelled"
ZOMBIE = "a lease that somebody had taken over is committed"


def broken(before: World, after: World, setting: Setting) -> str | None:
    """Return the first promise that this step breaks, None if it keeps them all."""
    return next(_broken(before, after, setting), None)


def _broken(before: World, after: World, setting: Setting) -> Iterator[str]:
    for old, new in zip(before.runs, after.runs, strict=False):
        if old.status.final and old != new:
            yield FINAL
        yield from _joins(new, setting)
        yield from () if new.status.final else _branches(new, setting)
        for hop in new.hops:
            was = next((one for one in old.hops if one.key == hop.key), hop)
            if hop.committed_by not in {was.committed_by, was.leases}:
                yield ZOMBIE
    if len(after.runs) > len(before.runs) and before.runs[0].cancel_requested is not None:
        yield LATE
    yield from _signals(after.runs[0])
    yield from _children(after)


def _joins(new: Run, setting: Setting) -> Iterator[str]:
    """What is to be read from a join at any moment."""
    under_way = {hop.path for hop in new.hops if hop.path and hop.pending and hop.wait != "window"}
    for position, join in new.joins:
        node = next(hop for hop in new.hops if not hop.path and hop.position == position)
        goes_back = position == 1 and 2 in new.join  # then its branches are those of the hop that undoes it
        ended = join.completed + join.failed + join.cancelled + join.stuck
        if join.arrived > join.written or ended != join.arrived:
            yield COUNTED
        if len(under_way) > setting.window:
            yield WIDE
        if not node.pending and not goes_back and any(hop.path and hop.pending for hop in new.hops):
            yield FIRED


def _branches(new: Run, setting: Setting) -> Iterator[str]:
    """What is to be read from the hops of a branch at any moment."""
    for number, branch in enumerate(new.branches):
        hops = [hop for hop in new.hops if hop.path == f"1.{number}"]
        is_open = sum(hop.pending for hop in hops)
        if branch.end is None and is_open != 1:
            yield LOST
        if branch.end is not None and 2 not in new.join and is_open:
            yield CLOSED
        done = [hop.position for hop in hops if not hop.back and hop.status is StepStatus.COMPLETED]
        undone = [hop for hop in hops if hop.back and hop.status is StepStatus.COMPLETED]
        if setting.undoable and len(undone) > len(done):
            yield ORDER


def _signals(run: Run) -> Iterator[str]:
    met = [signal for signal in run.signals if signal.position is not None]
    if sum(hop.met for hop in run.hops) != len(met) or any(hop.met > 1 for hop in run.hops):
        yield TWICE
    waits = any(hop.awaits for hop in run.hops if hop.pending)
    if not run.status.final and waits and len(met) < len(run.signals):
        yield PASSED


def _children(world: World) -> Iterator[str]:
    if len(world.runs) > 1 and not world.runs[1].status.final:
        parent = world.runs[0]
        if parent.status.final:
            yield ORPHAN
        if not parent.hops[0].pending:
            yield EARLY
    if len(world.runs) > 2:
        yield "a child begins twice"


def settled(world: World) -> bool:
    """Tell whether all has ended, or waits for a signal that nobody sends."""
    waits = any(hop.awaits for hop in world.runs[0].hops if hop.pending)
    return all(run.status.final for run in world.runs) or waits
