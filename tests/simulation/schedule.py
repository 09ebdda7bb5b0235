"""A schedule: all that happens to a simulated world from outside, drawn from one number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

from pydantic import JsonValue

from paigeant import Budget, Step
from paigeant.model.entries.entry import Entry
from tests.simulation.activities import activity
from tests.simulation.trees.drawing import draw_items, draw_tree

CALM: Final = 5.0
"""The second from which on nothing goes wrong any more."""

LEASE: Final = 1.0


@dataclass(frozen=True)
class Journey:
    """A run to be dispatched; a tree has ``items`` too, for which some of its entries run."""

    at: float
    steps: tuple[Entry, ...]
    number: int
    deadline: float | None
    items: tuple[int, ...] | None = None
    budget: Budget | None = None

    @property
    def payload(self) -> JsonValue:
        """The run's input."""
        return self.number if self.items is None else {"number": self.number, "items": list(self.items)}


@dataclass(frozen=True)
class Incident:
    """Something that happens: to a worker, to the store or the broker, or by an operator's hand to a run.

    ``after`` callbacks more are run before it does, so that it falls between any two awaits.
    """

    at: float
    what: str
    target: int
    seconds: float
    after: int


@dataclass(frozen=True)
class Crew:
    """A worker, and those who come in its place when it dies: the activities that it serves, in which version."""

    topics: tuple[str, ...]
    older: bool = False


@dataclass(frozen=True)
class Schedule:
    """What is drawn from ``seed``; shares are from 0 to 1."""

    seed: int
    broker: bool
    workers: tuple[Crew, ...]
    concurrency: int
    journeys: tuple[Journey, ...]
    incidents: tuple[Incident, ...]
    lost: float
    doubled: float
    unanswered: float
    """Calls that are carried out and whose answer does not arrive."""
    refused: float
    slow: float
    """Calls that take up to two leases."""
    signed: bool = False
    """Whether hops are signed."""

    def __str__(self) -> str:
        intake, signed = "broker" if self.broker else "store", "signed" if self.signed else "not signed"
        lines = [f"seed {self.seed}: {intake} intake, {signed}, concurrency {self.concurrency}"]
        shares = ("lost", "doubled", "unanswered", "refused", "slow")
        lines.append(", ".join(f"{name} {getattr(self, name):.2f}" for name in shares))
        for number, crew in enumerate(self.workers):
            lines.append(f"worker-{number} serves {' '.join(crew.topics)}{', older' if crew.older else ''}")
        for number, journey in enumerate(self.journeys):
            way = " ".join(map(_told, journey.steps))
            limit = "" if journey.deadline is None else f", deadline {journey.deadline:.2f} s"
            limit += "" if journey.budget is None else f", budget {journey.budget.said}"
            lines.append(f"{journey.at:8.3f} r{number} of {journey.payload}: {way}{limit}")
        lines += [f"{i.at:8.3f} {i.what} {i.target} for {i.seconds:.2f} s after {i.after}" for i in self.incidents]
        return "\n".join(lines)


def _told(entry: Entry) -> str:
    return entry.activity + str(entry.arguments or "") if isinstance(entry, Step) else entry.outline


TREES: Final = frozenset({3, 4})
"""The last digits of the seeds whose runs are trees."""

SIGNED: Final = frozenset({1, 2})
"""The seeds, modulo 4, whose runs are signed: over a broker, and without one."""

AGENTS: Final = frozenset({7})
"""The last digits of the seeds whose runs are of agents."""

WORKERS: Final = {"crash": 5, "stall": 6, "stop": 1}
SERVERS: Final = {"store away": 2, "broker away": 2, "forge": 2}
OPERATOR: Final = {"cancel": 2, "compensate": 2, "terminate": 2, "resume": 4, "signal": 6, "fork": 3}
INCIDENTS: Final = WORKERS | SERVERS | OPERATOR


def draw(seed: int) -> Schedule:
    """Return the schedule of this seed."""
    dice = Random(f"schedule {seed}")
    workers = tuple(Crew(_topics(dice), dice.random() < 0.2) for _ in range(dice.randint(1, 3)))
    trees = seed % 10 in TREES
    draw_journey = _tree if trees else _agents if seed % 10 in AGENTS else _journey
    journeys = tuple(draw_journey(dice) for _ in range(dice.randint(1, 2 if trees else 3)))
    incidents = [_incident(dice, len(journeys)) for _ in range(dice.randint(1, 6))]
    return Schedule(
        seed=seed,
        broker=seed % 2 == 0,
        workers=workers,
        concurrency=dice.choice([1, 2, 8]),
        journeys=journeys,
        incidents=tuple(sorted(incidents, key=lambda incident: incident.at)),
        lost=dice.choice([0.0, 0.1, 0.4]),
        doubled=dice.choice([0.0, 0.2, 0.6]),
        unanswered=dice.choice([0.0, 0.0, 0.05, 0.15]),
        refused=dice.choice([0.0, 0.0, 0.05, 0.15]),
        slow=dice.choice([0.0, 0.05, 0.15]),
        signed=seed % 4 in SIGNED,
    )


def _topics(dice: Random) -> tuple[str, ...]:
    names = tuple(activity)
    return names if dice.random() < 0.6 else tuple(name for name in names if dice.random() < 0.7) or names


def _journey(dice: Random) -> Journey:
    steps = tuple(_step(dice) for _ in range(dice.randint(1, 5)))
    deadline = dice.uniform(0.5, 10) if dice.random() < 0.15 else None
    return Journey(dice.uniform(0, 1), steps, dice.randrange(1000), deadline, budget=_budget(steps, dice))


def _agents(dice: Random) -> Journey:
    steps = tuple(Step("clerk") for _ in range(dice.randint(1, 2)))
    return Journey(dice.uniform(0, 1), steps, dice.randrange(1000), None, budget=_budget(steps, dice))


def _budget(steps: Sequence[Step], dice: Random) -> Budget | None:
    """Return what a run may spend: less than its agents need, or more."""
    if all(step.activity != "clerk" for step in steps) or dice.random() < 0.5:
        return None
    return Budget(tokens=dice.choice([100, 350, 2_000]), on_exceed=dice.choice(["stop", "ask"]))


def _tree(dice: Random) -> Journey:
    entries = draw_tree(dice)
    deadline = dice.uniform(1, 10) if dice.random() < 0.15 else None
    return Journey(dice.uniform(0, 1), entries, dice.randrange(1000), deadline, draw_items(dice))


def _step(dice: Random) -> Step:
    names = list(activity)
    weights = {"add": 8, "once": 4, "listen": 4, "finish": 0.5, "doom": 2, "ask": 3, "clerk": 1}
    [name] = dice.choices(names, [weights.get(name, 1.5) for name in names])
    return Step(name, _arguments(name, dice))


def _arguments(name: str, dice: Random) -> dict[str, JsonValue]:
    arguments: dict[str, JsonValue] = {}
    match name:
        case "brittle":
            arguments["failures"] = dice.randint(0, 4)
        case "ask":
            arguments["failures"] = dice.randint(0, 2)
        case "shaky":
            arguments["failures"] = dice.randint(1, 3)
        case "hurry":
            arguments["late"] = dice.randint(0, 2)
        case "murmur":
            arguments["silent"] = dice.randint(0, 2)
        case "nap":
            arguments["seconds"] = dice.uniform(0.1, 2.5 * LEASE)
        case "wait" | "listen":
            arguments["seconds"] = dice.choice([None, dice.uniform(0.1, 3)])
        case _:
            pass
    return arguments


def _incident(dice: Random, journeys: int) -> Incident:
    [what] = dice.choices([*INCIDENTS], [*INCIDENTS.values()])
    at = dice.uniform(0, CALM - 0.1)
    seconds = min(dice.choice([0.2, 1.2, 3.0]) * LEASE * dice.uniform(0.5, 1.5), CALM - at)
    target = dice.randrange(3 if what in WORKERS else journeys)
    return Incident(at, what, target, seconds, dice.choice([0, dice.randint(0, 60)]))
