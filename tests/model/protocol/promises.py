"""What must be true of every step from one world to the next, whatever happened. Each promise returns what broke it."""

from __future__ import annotations

from collections.abc import Iterator

from paigeant.model.entries.step import OnInterrupt
from paigeant.model.runs import RunStatus, StepStatus
from tests.model.protocol.nouns import Due, Hop, Run, Setting, World


def broken(before: World, after: World, setting: Setting) -> str | None:
    """Return the first promise that this step breaks, None if it keeps them all."""
    for number, (old, new) in enumerate(zip(before.runs, after.runs, strict=True)):
        if old != new:
            found = next(_broken(old, new, setting, number), None)
            if found is not None:
                return found
    held = [hand.grant[:3] for hands in after.workers for hand in hands if hand.grant is not None and hand.grant.lease]
    return "a lease is in two hands" if len(held) > len(set(held)) else None


def settled(world: World) -> bool:
    """Every run is final, or visibly parked: it waits for a person."""
    return all(run.status.final or _parked(run) for run in world.runs)


def _parked(run: Run) -> bool:
    return run.status is RunStatus.WAITING and all(hop.due is Due.RESUMED for hop in run.hops if hop.pending)


def _broken(old: Run, new: Run, setting: Setting, number: int) -> Iterator[str]:
    resumed = _is_resumed(old, new)
    if old.status.final and not resumed:
        yield "something is written to a final run"
    if old.cancel_requested is not None and new.cancel_requested is None and not resumed:
        yield "a request to cancel is lost"
    for before, after in zip(old.hops, new.hops, strict=False):
        if before != after:
            yield from _broken_by_hop(before, after, setting, number, resumed=resumed)
    yield from _broken_by_signals(old, new)
    yield from _broken_by_order(new, setting)


def _broken_by_signals(old: Run, new: Run) -> Iterator[str]:
    """A signal meets exactly one wait, and neither lies there without the other."""
    met = [signal for signal in new.signals if signal.position is not None]
    if len({signal.id for signal in new.signals}) < len(new.signals):
        yield "a signal counts twice"
    if sum(hop.met for hop in new.hops) != len(met):
        yield "a signal meets two waits"
    if not new.status.final and len(met) < len(new.signals) and any(hop.awaits for hop in new.hops if hop.pending):
        yield "a signal and its wait pass each other by"
    for before, after in zip(old.hops, new.hops, strict=False):
        if after.met > before.met and before.committed_by == after.committed_by and before.owner is not None:
            yield "a signal meets a wait that is over"


def _is_resumed(old: Run, new: Run) -> bool:
    """A person has sent the run on its way again: a hop starts over, with a higher fence and no lease."""
    return new.status is RunStatus.RUNNING and any(
        after.pending and (after.leases, after.attempt) == (before.leases, 0) and after.fence > before.fence
        for before, after in zip(old.hops, new.hops, strict=False)
    )


def _broken_by_hop(before: Hop, after: Hop, setting: Setting, number: int, *, resumed: bool) -> Iterator[str]:
    touched = before != after._replace(due=before.due)  # when a hop that is behind would be due says nothing
    if (not before.pending and touched and not resumed) or after.leases < before.leases:
        yield "a position is committed twice"
    if after.committed_by not in {before.committed_by, before.leases}:
        yield "a lease that somebody had taken over is committed"
    yield from _broken_by_calls(before, after, setting)
    if after.tries > before.tries:
        yield from _broken_by_beginning(before, after, setting)
    if any(step.poison for step in setting.plan) and number > 0 and after.status is StepStatus.FAILED:
        yield "a step is set aside for what its neighbour did"


def _broken_by_calls(before: Hop, after: Hop, setting: Setting) -> Iterator[str]:
    """A call is recorded once, by who has the lease; who has it makes none that is recorded, or reserves twice."""
    if any(lease != after.leases for lease in after.recorded[len(before.recorded) :]):
        yield "a call is recorded under a lease that somebody had taken over"
    if len(after.recorded) > setting.plan[after.step].calls:
        yield "a call is recorded twice"
    if after.again:
        yield "a recorded call is made again"
    if len(set(after.reserved)) < len(after.reserved):
        yield "a call reserves room twice"
    if after.spent > setting.plan[after.step].calls:
        yield "a call is charged twice"
    if after.refused:
        yield "a call finds no room though there is some"


def _broken_by_beginning(before: Hop, after: Hop, setting: Setting) -> Iterator[str]:
    step = setting.plan[after.step]
    if after.tries > step.max_attempts:
        yield "a step is tried more often than it may be"
    if before.loose and not after.back and step.on_interrupt is not OnInterrupt.RERUN:
        yield "a step that runs at most once is run again"
    if after.requested and not after.back:
        yield "a step begins after its run was asked to be cancelled"


def _broken_by_order(run: Run, setting: Setting) -> Iterator[str]:
    """What is to be read from a run at any moment."""
    forward = [hop for hop in run.hops if not hop.back]
    done = [hop.step for hop in forward if hop.status is StepStatus.COMPLETED]
    if [hop.step for hop in forward] != list(range(len(forward))):
        yield "steps are not in the order of the slip"
    if sum(hop.pending for hop in run.hops) != (not run.status.final):
        yield "an open run has not exactly one twin, or a final one has some"
    undone = [hop.undoes for hop in run.hops if hop.back]
    undoable = [position for position, hop in enumerate(run.hops, 1) if hop.undoable][::-1]
    if undone != undoable[: len(undone)]:
        yield "what is undone is not the reverse of what was done"
    if run.status is RunStatus.COMPENSATED and len(undone) != len(undoable):
        yield "a run is compensated, and not all of it is undone"
    if run.status is RunStatus.COMPLETED and done != list(range(len(setting.plan))):
        yield "a run is completed, and not all of it is done"
