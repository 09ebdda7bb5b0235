"""Each invariant holds in a sound history, and notices what is doctored in it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from chaos.effects import Effect
from chaos.history import History, Hop, RunRow
from chaos.invariants import breaches, recovery
from chaos.load import MAX_ATTEMPTS, STEPS, fold, input_of

POISON = ("one", "two", "poison", "four", "five")
WORKER = "host-4711-ab"


class Story:
    """A sound history of one run of each kind, to be doctored."""

    def __init__(self) -> None:
        self.history = History(interruptions=3, dispatched={0, 1, 2, 3})
        self.add(0, "plain", "completed", STEPS)
        self.add(1, "undone", "compensated", STEPS, ends=1)
        self.add(2, "poison", "compensated", POISON[:3], ends=1)
        self.add(3, "ended", "terminated", STEPS[:3], closed=1)
        run = self.run("ended")
        self.history.when_terminated[run] = self.history.hops_of()[run]

    def add(
        self, number: int, kind: str, status: str, steps: tuple[str, ...], *, ends: int = 0, closed: int = 0
    ) -> None:
        """Add a run: the last ``ends`` of its steps failed, the last ``closed`` were cut off by its end."""
        run, chain, time = f"{number:032x}", input_of(number, kind)["chain"], 100.0 * number
        hops: list[Hop] = []
        done: list[Hop] = []
        for position, step in enumerate(steps, 1):
            time += 1
            chain = fold(chain, step)
            hop = hop_of(run, position, step, time, output={"chain": chain, "fence": 1})
            if position > len(steps) - ends - closed:
                ending = "failed" if ends else "cancelled"
                attempt = MAX_ATTEMPTS + 1 if step == "poison" else 1
                hop = hop._replace(status=ending, output=None, attempt=attempt, compensable=False)
            else:
                done.append(hop)
            hops.append(hop)
        for hop in reversed(done if status == "compensated" else []):
            if hop.compensable:
                time += 1
                back = hop_of(run, len(hops) + 1, hop.step, time, output=None)
                undoing = {"direction": "compensate", "undoes": hop.position, "undoes_path": ""}
                hops.append(back._replace(**undoing, compensable=False))
        self.history.hops += hops
        self.history.effects += [effect for hop in hops for effect in effects_of(hop)]
        for hop in done:
            self.set_trail(hop, [one.step for one in done[: done.index(hop) + 1]])
        output = done[-1].output if status == "completed" else None
        workflow = "poisoned" if kind == "poison" else "journey"
        self.history.runs.append(RunRow(run, workflow, f"{kind}-{number}", status, None, output, None, time))

    def set_trail(self, hop: Hop, trail: list[str]) -> None:
        self.history.variables[hop.run, hop.path, hop.position, "trail"] = trail

    def run(self, kind: str) -> str:
        return next(row.run for row in self.history.runs if row.kind == kind)

    def change_hop(self, kind: str, position: int, **changes: Any) -> None:
        hops, run = self.history.hops, self.run(kind)
        [at] = [n for n, hop in enumerate(hops) if (hop.run, hop.position) == (run, position)]
        hops[at] = hops[at]._replace(**changes)

    def change_run(self, kind: str, **changes: Any) -> None:
        self.history.runs = [row._replace(**changes) if row.kind == kind else row for row in self.history.runs]

    def repeat(self, **changes: Any) -> None:
        """Have the very first execution once more, but for some changes."""
        self.history.effects.append(self.history.effects[0]._replace(**changes))

    def broken(self) -> set[str]:
        return {breach.invariant for breach in breaches(self.history)}


def hop_of(run: str, position: int, step: str, time: float, output: Any) -> Hop:
    compensable = step in {"one", "two", "four"}
    return Hop(
        *(run, "", position, step, f"{run}-{step}", "execute", None, "completed", 1, 1, None, WORKER),
        *(None, time, f"{run}-{position}", None, output, compensable, None, None),
    )


def effects_of(hop: Hop) -> list[Effect]:
    attempts = [] if hop.status == "cancelled" else range(1, MAX_ATTEMPTS + 1) if hop.step == "poison" else [1]
    key = f"{hop.run}:{hop.step_id}:{hop.direction}"
    return [
        Effect(hop.run, hop.path, hop.position, hop.step, hop.step_id, hop.direction, key, attempt, attempt, 4711)
        for attempt in attempts
    ]


DOCTORED: list[tuple[str, str, Callable[[Story], object]]] = [
    ("I1", "a run is lost", lambda s: s.history.dispatched.add(9)),
    ("I1", "a run is there twice", lambda s: s.history.runs.append(s.history.runs[0])),
    ("I1", "a run has not ended", lambda s: s.change_run("plain", status="running", completed_at=None)),
    ("I1", "a run ended otherwise", lambda s: s.change_run("plain", status="failed")),
    ("I2", "a position is missing", lambda s: s.history.hops.pop(2)),
    ("I2", "a position is there twice", lambda s: s.history.hops.append(s.history.hops[1])),
    ("I2", "a later one was earlier", lambda s: s.change_hop("plain", 2, completed_at=0.5)),
    ("I2", "one execution committed two", lambda s: s.change_hop("plain", 2, committed_by=s.history.hops[0][14])),
    ("I2", "steps changed places", lambda s: s.change_hop("plain", 2, step="three")),
    ("I3", "an output is another", lambda s: s.change_hop("plain", 2, output={"chain": "0", "fence": 1})),
    ("I3", "the result is another", lambda s: s.change_run("plain", output={"chain": "0"})),
    ("I3", "an update was lost", lambda s: s.history.variables[s.run("plain"), "", 5, "trail"].pop()),
    ("I4", "nobody executed it", lambda s: s.history.effects.pop(0)),
    ("I4", "another lease committed it", lambda s: s.change_hop("plain", 2, fence=2)),
    (
        "I4",
        "a lost lease's result won",
        lambda s: s.change_hop("plain", 2, output=s.history.hops[1].output | {"fence": 7}),
    ),
    ("I4", "another worker committed it", lambda s: s.change_hop("plain", 2, worker="host-12-ab")),
    ("I5", "a repeat had another key", lambda s: s.repeat(key="x", fence=9)),
    ("I5", "a lease ran twice", lambda s: s.repeat()),
    ("I5", "repeats have no cause", lambda s: [s.repeat(fence=n) for n in range(2, 99)]),
    ("I6", "the order is another", lambda s: s.change_hop("undone", 6, undoes=2)),
    ("I6", "one was forgotten", lambda s: s.history.hops.remove(s.history.hops_of()[s.run("undone")][-1])),
    ("I7", "something came after", lambda s: s.history.when_terminated.update({s.run("ended"): []})),
    ("I7", "a step is later than its end", lambda s: s.change_run("ended", completed_at=300.5)),
    ("I7", "a twin is left in a closed run", lambda s: s.change_hop("ended", 3, completed_at=None, status="pending")),
    ("I8", "a message is left", lambda s: s.history.left.update({"queue": 1})),
    ("I8", "a twin is left", lambda s: s.change_hop("plain", 5, completed_at=None, status="pending")),
    ("I9", "poison was taken once more", lambda s: s.repeat(run=s.run("poison"), position=3, step="poison", attempt=4)),
    ("I9", "poison was set aside early", lambda s: s.change_hop("poison", 3, attempt=2)),
    ("I9", "a neighbour was set aside", lambda s: s.change_run("undone", error={"type": "Interrupted"})),
    ("I10", "the file is damaged", lambda s: s.history.damage.append("page 7")),
    ("I11", "sockets leaked", lambda s: s.history.leaks.append("12 sockets")),
]


def test_a_sound_history_breaks_nothing() -> None:
    assert breaches(Story().history) == []


@pytest.mark.parametrize(
    ("invariant", "what", "doctor"), DOCTORED, ids=[f"{name}: {what}" for name, what, _ in DOCTORED]
)
def test_what_was_doctored_is_noticed(invariant: str, what: str, doctor: Callable[[Story], object]) -> None:
    story = Story()
    doctor(story)

    assert invariant in story.broken()


def test_a_parked_run_needs_a_reason_and_ran_once() -> None:
    story = Story()
    story.history.dispatched.add(4)
    story.add(4, "careful", "waiting", STEPS[:3])
    story.change_run("careful", reason="interrupted", completed_at=None)
    story.change_hop("careful", 3, status="waiting", completed_at=None, output=None)
    assert story.broken() == set()

    story.change_run("careful", reason=None)
    assert story.broken() == {"I1"}

    story.change_run("careful", reason="interrupted")
    story.history.effects.append(story.history.effects[-1]._replace(fence=5))
    assert story.broken() == {"I5"}


def test_recovery_is_allowed_three_leases_and_ten_seconds() -> None:
    assert recovery(15.9, lease=2.0) == []
    assert [breach.invariant for breach in recovery(16.1, lease=2.0)] == ["I12"]
