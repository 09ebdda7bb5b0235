"""What real runs with branches, signals and children leave behind is sound; each invariant notices what is doctored."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from chaos.doomed import DoomedPaigeant
from chaos.effects import Effect
from chaos.endpoint import Bill, Billed, provider
from chaos.handlers import handlers
from chaos.history import History
from chaos.invariants import breaches
from chaos.journeys import workflows
from chaos.load import CLERK, KINDS, STEPS, WITHIN, input_of
from chaos.orders import Orders
from chaos.reading import SqliteReader
from chaos.servers.server import free_port
from chaos.signalling import Signaller, answer_all
from tests.provider import served

PLAYED = ("fan", "fan-undone", "fan-broken", "wait", "child", "child-undone", "agent", "agent-broke", "agent")


@asynccontextmanager
async def playing(orders: Orders) -> AsyncGenerator[DoomedPaigeant]:
    registry = handlers(orders, orders.points)
    app = DoomedPaigeant(orders.points, registry, workflows=workflows(), settings=orders.settings)
    with served(provider(orders)):
        async with app, app.worker(activities=(*STEPS, CLERK)):
            yield app


async def play(folder: Path) -> History:
    """Return what is left of some runs of these kinds, and what their steps did."""
    orders = Orders("test", folder, f"sqlite:///{folder}/paigeant.db", None, 15.0, 1, endpoint=free_port())
    signalled: set[int] = set()
    async with playing(orders) as app:
        signaller = Signaller(set(), signalled.add, 1)
        runs = [
            await app.dispatch(KINDS[kind].workflow, input_of(number, kind), dispatch_key=f"{kind}-{number}")
            for number, kind in enumerate(PLAYED)
        ]
        await signaller.begin(PLAYED.index("wait"), runs[PLAYED.index("wait")])
        while not signalled:
            await signaller.go_on()
            await asyncio.sleep(0.02)
        while not all([(await run.status()).final for run in runs]):
            await answer_all(app)
            await asyncio.sleep(0.02)
    history = await SqliteReader(folder / "paigeant.db").history()
    history.effects, history.tools = orders.effects.read(), orders.tools.read()
    history.bill = Bill(folder / "bill.log").read()
    history.dispatched, history.signalled = set(range(len(PLAYED))), signalled
    return history


class Story:
    """A copy of that history, to be doctored."""

    def __init__(self, history: History) -> None:
        self.history = History(**{name: copy(value) for name, value in vars(history).items()})

    def run(self, kind: str) -> str:
        return next(row.run for row in self.history.runs if row.kind == kind)

    def change(self, rows: str, kind: str, where: dict[str, Any], **changes: Any) -> None:
        """Change the one row of a run that is so."""
        there, run = getattr(self.history, rows), self.run(kind)
        wanted = {"run": run, **where}
        [at] = [n for n, row in enumerate(there) if all(getattr(row, name) == wanted[name] for name in wanted)]
        there[at] = there[at]._replace(**changes)

    def paid(self, kind: str = "agent-broke") -> Effect:
        """Return what a tool did that was approved, in a run of this kind."""
        runs = {row.run for row in self.history.runs if row.kind == kind}
        return next(one for one in self.history.tools if one.step == "pay" and one.run in runs)

    def again(self, rows: str, kind: str, **changes: Any) -> None:
        """Have a row of a run a second time, but for some changes."""
        there, run = getattr(self.history, rows), self.run(kind)
        there.append(next(row for row in there if row.run == run)._replace(**changes))

    def drop(self, rows: str, **where: Any) -> None:
        """Lose the first row that is so."""
        there = getattr(self.history, rows)
        there.remove(next(row for row in there if all(getattr(row, name) == where[name] for name in where)))

    def lose(self, rows: str, kind: str) -> None:
        setattr(self.history, rows, [row for row in getattr(self.history, rows) if row.run != self.run(kind)])


AT, JOIN, BOTH = {"path": ""}, {"path": "", "position": 2}, {"path": "2.3", "position": 2}
BACK = {"path": "2.3", "position": 5}

DOCTORED: list[tuple[str, str, Callable[[Story], object]]] = [
    ("I2", "a step of a branch is another", lambda s: s.change("hops", "fan", {"path": "2.3/2.1"}, step="two")),
    ("I2", "a branch has a gap", lambda s: s.change("hops", "fan", {"path": "2.3", "position": 3}, position=4)),
    ("I3", "a result of a branch", lambda s: s.change("hops", "fan", {"path": "2.3/2.1"}, output={"chain": "0"})),
    ("I3", "a trail was lost", lambda s: s.history.variables.pop((s.run("fan"), "2.3", 2, "trail"))),
    ("I4", "a branch was not executed", lambda s: s.change("effects", "fan", {"path": "2.3/2.1"}, fence=9)),
    ("I6", "a branch undid another", lambda s: s.change("hops", "fan-undone", BACK, undoes=1)),
    ("I6", "a node was not undone", lambda s: s.change("hops", "fan-undone", BACK, status="cancelled")),
    (
        "I6",
        "a broken branch stays done",
        lambda s: s.change("hops", "fan-broken", {"path": "2.5", "position": 4}, undoes=1),
    ),
    ("I13", "a join fired early", lambda s: s.change("hops", "fan", BOTH, completed_at=1.0)),
    ("I13", "an arrival counts twice", lambda s: s.change("joins", "fan", JOIN, arrived=13)),
    ("I13", "an arrival was forgotten", lambda s: s.change("branches", "fan", {**JOIN, "number": 4}, ended=None)),
    ("I13", "a branch never began", lambda s: s.lose("branches", "fan")),
    ("I13", "no branch began", lambda s: s.lose("joins", "fan")),
    ("I13", "the way back fired early", lambda s: s.change("hops", "fan-undone", BACK, completed_at=1.0)),
    ("I14", "a signal was lost", lambda s: s.lose("signals", "wait")),
    ("I14", "a signal counts twice", lambda s: s.again("signals", "wait", path=None, position=None)),
    ("I14", "two signals met one wait", lambda s: s.again("signals", "wait", name="other")),
    ("I14", "a signal met no wait", lambda s: s.change("signals", "wait", {"name": "early"}, position=3)),
    ("I14", "the other signal was met", lambda s: s.change("signals", "wait", {"name": "early"}, position=5)),
    ("I14", "a wait saw something else", lambda s: s.history.variables.update({(s.run("wait"), "", 2, "early"): 1})),
    ("I14", "a child began twice", lambda s: s.again("runs", f"{WITHIN}child", run="0")),
    ("I14", "no child began", lambda s: s.lose("runs", f"{WITHIN}child")),
    ("I14", "a child ended later", lambda s: s.change("runs", f"{WITHIN}child", {}, completed_at=1e12)),
    ("I14", "a child failed", lambda s: s.change("runs", f"{WITHIN}child", {}, status="failed")),
    ("I15", "a request is not charged", lambda s: s.drop("ledger", run=s.run("agent"))),
    ("I15", "a request was not recorded", lambda s: s.drop("checkpoints", run=s.run("agent"), kind="model")),
    ("I15", "a request is charged twice", lambda s: s.again("ledger", "agent")),
    ("I15", "a request was paid again", lambda s: s.history.bill.append(Billed(6, "agent", 1))),
    ("I15", "a request is charged and was not made", lambda s: s.drop("bill", number=6)),
    ("I16", "a denied tool ran", lambda s: s.history.tools.append(s.paid()._replace(run=s.run("agent")))),
    ("I16", "a tool ran twice", lambda s: s.history.tools.append(s.paid())),
    ("I16", "an approved tool did not run", lambda s: s.drop("tools", step="pay", run=s.paid("agent").run)),
    ("I16", "a budget is exceeded", lambda s: s.again("ledger", "agent-broke", tokens=400)),
    ("I14", "an undone child stays", lambda s: s.change("runs", f"{WITHIN}child-undone", {}, status="completed")),
]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return asyncio.run(play(tmp_path_factory.mktemp("trees")))


def test_what_real_runs_leave_behind_breaks_nothing(history: History) -> None:
    assert breaches(history) == []
    assert {row.kind for row in history.runs} == {*PLAYED, f"{WITHIN}child", f"{WITHIN}child-undone"}


@pytest.mark.parametrize(
    ("invariant", "what", "doctor"), DOCTORED, ids=[f"{name}: {what}" for name, what, _ in DOCTORED]
)
def test_what_was_doctored_is_noticed(
    history: History, invariant: str, what: str, doctor: Callable[[Story], object]
) -> None:
    story = Story(history)
    doctor(story)

    assert invariant in {breach.invariant for breach in breaches(story.history)}, what
