"""What must be true of a world when its schedule is over, read from the store and from what the steps did."""

from __future__ import annotations

from collections import Counter
from typing import Any

from paigeant.model.plan import Undo
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.model.values.values import Inline, inline
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.stores.memory.tables.runs import RunRow
from tests.simulation.acting import mix
from tests.simulation.activities import activity
from tests.simulation.bill import judge_bill
from tests.simulation.custody import judge_custody
from tests.simulation.deeds import judge_deeds
from tests.simulation.trees.drawing import steps_in
from tests.simulation.trees.judging import judge_tree
from tests.simulation.witness import Witness, Written, forks
from tests.simulation.world import World

DONE = StepStatus.COMPLETED
ENDS = {
    "cancel": {RunStatus.CANCELLED},
    "compensate": {RunStatus.CANCELLED, RunStatus.COMPENSATED, RunStatus.COMPENSATION_FAILED},
    "terminate": {RunStatus.TERMINATED},
}
UNDONE = {RunStatus.FAILED, RunStatus.COMPENSATED, RunStatus.COMPENSATION_FAILED}


def judge(world: World) -> list[str]:
    """Return what is wrong with what came of it; nothing, if the guarantees hold."""
    seen = world.witness
    found = [
        *world.loop.errors,
        *_commits(world.rows, seen),
        *judge_deeds(seen),
        *judge_bill(world.rows, seen),
        *_letters(world),
        *(judge_custody(world.rows) if world.schedule.signed else ()),
        *world.held_at_last,
        *world.left_behind,
    ]
    if len(seen.runs) < len(world.schedule.journeys):
        return [*found, "a run was never dispatched"]
    for number, workflow_id in seen.runs.items():
        run = world.rows.runs[workflow_id]
        found += [f"r{number}, {run.status}: {problem}" for problem in _run(world, number, run)]
        for fork in (each for each in forks(world.rows) if each.forked_from == workflow_id):
            where = f"fork of r{number} from {fork.forked_at}, {fork.status}"
            found += [f"{where}: {problem}" for problem in _run(world, number, fork)]
    return found


def _run(world: World, number: int, run: RunRow) -> list[str]:
    """Return what is wrong with a run of a journey, or with a fork of one."""
    if world.schedule.journeys[number].items is not None:
        return _tree(world, number, run)
    hops = sorted(world.rows.hops[run.workflow_id].values(), key=lambda hop: hop.key.position)
    return [
        *_end(world, number, run),
        *_order(hops),
        *_chain(run, hops),
        *_way_back(run, hops),
        *_signals(world, run, hops),
    ]


def _tree(world: World, number: int, run: RunRow) -> list[str]:
    entries = world.schedule.journeys[number].steps
    lost = [f"signal {one} is lost" for one in world.signalled[run.workflow_id] - run.signals.keys()]
    resumed = run.workflow_id in world.witness.resumed
    return [*_end(world, number, run), *lost, *judge_tree(world.rows, run, entries, resumed=resumed)]


def _letters(world: World) -> list[str]:
    """What is no message of a run is kept, as it was, and nothing else is."""
    kept = {(letter.topic, letter.body) for letter in world.rows.letters.values()}
    lost, wrong = world.forged - kept, kept - world.forged
    return [f"no dead letter: {each}" for each in lost] + [
        f"a dead letter that was a message: {each}" for each in wrong
    ]


def _end(world: World, number: int, run: RunRow) -> list[str]:
    """Every run is final, or waits for somebody with a reason; and as its plan, and nobody's death, has it."""
    if not world.settled(run.workflow_id):
        return [f"neither final nor parked ({run.reason})"]
    journey = world.schedule.journeys[number]
    names = {step.activity for step in steps_in(journey.steps)}
    allowed = {RunStatus.COMPLETED}
    for what in world.touched[number] if run.forked_from is None else ():
        allowed |= ENDS.get(what, set())
    if names & {"doom", "book", "brittle"} or journey.deadline is not None or journey.budget is not None:
        allowed |= UNDONE
    if "sour" in names and journey.items is not None:
        allowed |= {RunStatus.COMPENSATION_FAILED}  # of a branch that was not needed, which is undone all the same
    if names & {"once", "wait", "listen"}:
        allowed |= {RunStatus.WAITING}
    always = journey.items is None  # in a tree there may be no item for which it runs
    if always and "doom" in names and not names & {"finish", "narrow", "once", "wait", "listen"}:
        allowed -= {RunStatus.COMPLETED}
    return [] if run.status in allowed else [f"could only become {', '.join(sorted(allowed))}: {run.error}"]


def _order(hops: list[HopRow]) -> list[str]:
    """Positions have no gap, and what comes after ended after."""
    found = []
    if [hop.key.position for hop in hops] != [*range(1, len(hops) + 1)]:
        found.append(f"positions {[hop.key.position for hop in hops]}")
    ends = [hop.completed_at for hop in hops if hop.completed_at is not None]
    if ends != sorted(ends):
        found.append("a later hop ended earlier")
    if any(hop.status is not DONE for hop in hops[:-1] if not _turned(hops, hop)):
        found.append(f"went on from a hop that was not done: {[(hop.step, str(hop.status)) for hop in hops]}")
    return found


def _turned(hops: list[HopRow], hop: HopRow) -> bool:
    """Tell whether this is the hop at which the run turned round."""
    return hop.direction is Direction.EXECUTE and hops[hop.key.position].direction is Direction.COMPENSATE


def _chain(run: RunRow, hops: list[HopRow]) -> list[str]:
    """Each output is what its step makes of the one before: nothing was lost, doubled or swapped."""
    assert isinstance(run.input, Inline)
    value: Any = run.input.value
    found = []
    for hop in hops:
        if hop.direction is Direction.EXECUTE and hop.status is DONE:
            value = mix(hop.step, value)
            got = hop.output.value if isinstance(hop.output, Inline) else None
            if got != value:
                found.append(f"{hop.step} at {hop.key.position} came to {got}, not to {value}")
    if run.status is RunStatus.COMPLETED and run.output != inline(value):
        found.append(f"the output is {run.output}, not {value}")
    return found


def _signals(world: World, run: RunRow, hops: list[HopRow]) -> list[str]:
    """What was taken is there, and met one wait, which saw it; nothing waits for a signal that is kept."""
    found = [f"signal {one} is lost" for one in world.signalled[run.workflow_id] - run.signals.keys()]
    met = [signal for signal in run.signals.values() if signal.position is not None]
    if len(met) < len(run.signals) and any(hop.awaits for hop in hops if hop.completed_at is None):
        found.append("a hop waits for a signal that is there")
    places = {hop.key.position: hop.step for hop in hops}
    for signal in met:
        if places[signal.position or 0] != "listen":
            found.append(f"signal {signal.payload} met {signal.position}, which never waits")
        seen = run.variables.get(("", signal.position or 0), {}).get(signal.name)
        latest = max((one for one in met if one.position == signal.position), key=lambda one: one.number)
        if signal is latest and seen != signal.payload:
            found.append(f"{signal.position} saw {seen}, not {signal.payload}")
    return found


def _way_back(run: RunRow, hops: list[HopRow]) -> list[str]:
    """What was done and can be undone is undone in reverse: all of it, or up to what failed."""
    forward = [hop for hop in hops if hop.direction is Direction.EXECUTE]
    back = [hop.undoes.position for hop in hops if hop.undoes is not None and hop.direction is Direction.COMPENSATE]
    own = [hop for hop in forward if hop.key.position >= (run.forked_at or 0)]  # nothing inherited is undone
    done = [hop for hop in reversed(own) if hop.status is DONE]
    can = [hop.key.position for hop in done if activity[hop.step].undo is not Undo.NEVER]
    doubtful = [forward[-1].key.position, *can]
    if back != can[: len(back)] and back != doubtful[: len(back)]:
        return [f"undid {back} of {can}"]
    if run.status is RunStatus.COMPENSATED and back not in (can, doubtful):
        return [f"undid only {back} of {can}"]
    if run.status is RunStatus.COMPLETED and back:
        return [f"completed, and undid {back}"]
    return []


def _commits(rows: Rows, seen: Witness) -> list[str]:
    """No commit with an old fence, none after a terminate, none of a hop that was done already."""
    found = []
    for commit in seen.written:
        where = f"{seen.name(commit.key)} by {commit.owner}"
        if not commit.repeated and (commit.fence, commit.owner) != (commit.latest.fence, commit.latest.owner):
            found.append(f"{where}: committed with fence {commit.fence}, after {commit.latest} had been given")
        if not commit.repeated and commit.terminated:
            found.append(f"{where}: committed after terminate had returned")
        hop = rows.hop(commit.key)
        forward = hop is not None and hop.direction is Direction.EXECUTE
        acts = forward and hop is not None and hop.kind is None  # a node ends after its branches, or its child
        if acts and commit.latest.requested and not commit.repeated and commit.status is not StepStatus.CANCELLED:
            found.append(f"{where}: {commit.status}, though the run was to be cancelled when it was leased")
    done = [commit for commit in seen.written if commit.status is DONE and not commit.repeated]
    twice = {key for key, times in Counter(commit.key for commit in done).items() if times > 1}
    found += [f"{seen.name(key)}: committed {[commit for commit in done if commit.key == key]}" for key in twice]
    return found + [
        f"{seen.name(commit.key)}: done before what comes before"
        for commit in done
        if _early(seen, commit) and rows.runs[commit.key.workflow_id].forked_at != commit.key.position
    ]


def _early(seen: Witness, commit: Written) -> bool:
    before = commit.key._replace(position=commit.key.position - 1)
    earlier = seen.written[: seen.written.index(commit)]
    return commit.key.position > 1 and not any(one.key == before for one in earlier)
