"""Playing a schedule: what happened, and what is wrong with it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.simulation.judge import judge
from tests.simulation.schedule import Schedule, draw
from tests.simulation.world import World


@dataclass(frozen=True)
class Played:
    """What came of a schedule."""

    schedule: Schedule
    problems: tuple[str, ...]
    trace: tuple[str, ...]
    steps: int
    seconds: float

    def report(self) -> str:
        lines = [str(self.schedule), "", *self.trace, "", f"{self.steps:,} callbacks in {self.seconds:.3f} s"]
        lines += [*self.problems, "", f"again: python -m tests.simulation {self.schedule.seed}"]
        return "\n".join(lines)


def play(seed: int) -> Played:
    """Play the schedule of this seed."""
    schedule = draw(seed)
    world = World(schedule)
    problems: list[str] = []
    try:
        world.run()
    except AssertionError as error:
        problems.append(str(error))
    problems += judge(world)
    steps, seconds = world.loop.steps, world.loop.time()
    trace = tuple(world.witness.trace)
    world.close()
    return Played(schedule, tuple(problems), trace, steps, seconds)


def hold(seed: int) -> None:
    """Assert that nothing is wrong with the schedule of this seed; fails with its trace."""
    played = play(seed)
    if played.problems:
        raise AssertionError(played.report())
