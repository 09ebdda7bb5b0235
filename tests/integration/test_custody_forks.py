"""Forks of signed runs: what a fork executes is signed, and what it inherits, by who forks."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from paigeant import ActivityContext, ActivityRegistry, Completed, Paigeant, Parallel, RunStatus, Workflow
from paigeant.app.custody import Custody
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.errors import InvalidInput
from paigeant.testing.waiting import eventually

PLACES = {"search": "20 2 2", "charge": "20 2 2", "send": "20 2 2"}


@pytest.fixture
def registry() -> ActivityRegistry:
    made = ActivityRegistry()

    @made.execute()
    async def search(number: int) -> int:
        return number + 1

    @made.execute()
    async def charge(search: int) -> Completed[int]:
        return Completed(search * 10, variables={"seen": search})

    @made.execute()
    async def note(ctx: ActivityContext) -> None:
        await ctx.save_variable("noted", 1)

    @made.execute()
    async def send(charge: int, search: int, seen: int) -> str:
        return f"{charge} {search} {seen}"

    return made


async def test_a_fork_of_a_signed_run_is_executed_and_its_audit_is_intact(
    registry: ActivityRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # where the key of this machine is made
    flow = Workflow("order", ["search", "charge", Parallel("note"), "send"])
    settings = Settings(store=f"sqlite:///{tmp_path}/a.db", signing="on")
    async with Paigeant(registry, workflows=[flow], settings=settings) as app, app.worker():
        run, custody = await app.dispatch("order", {"number": 1}), Custody(app)
        await run.result(20)
        forks = {place: await run.fork(from_=place) for place in PLACES}
        edited = await run.fork(from_="send", outputs={"search": 50})
        outputs = {place: (await fork.result(20)).output for place, fork in forks.items()}
        again = await forks["charge"].fork(from_="send")
        odd = [(await each.result(20)).output for each in (edited, again)]

        assert outputs == PLACES
        assert odd == ["20 50 2", "20 2 2"]
        for each in (run, *forks.values(), edited, again):
            found = await custody.verify(each.workflow_id)
            assert (found.verdict, found.broken) == ("intact", None)

        spoilt = forks["charge"].workflow_id
        with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
            changed = "UPDATE step_executions SET output = '{\"value\": 1}' WHERE step = 'charge' AND workflow_id = ?"
            assert connection.execute(changed, [spoilt.hex]).rowcount == 1
            connection.commit()
        broken = (await custody.verify(spoilt)).broken
        assert broken is not None
        assert (broken.position, broken.step, broken.link) == (2, "charge", "out")


EDITS = {
    "an output": ("UPDATE step_executions SET output = '{\"value\": 1}' WHERE step = 'charge' AND {}", "out"),
    "a variable": ("UPDATE workflow_variables SET value = '{\"value\": 9}' WHERE name = 'seen' AND {}", "vars.seen"),
    "a variable deleted": ("DELETE FROM workflow_variables WHERE name = 'seen' AND {}", "vars.seen"),
    "an input": ("UPDATE step_executions SET input = NULL WHERE step = 'charge' AND {}", "in"),
    "no inheritance": ("DELETE FROM records WHERE kind = 'inherit' AND {}", "prev"),
}


@pytest.mark.parametrize(("edit", "link"), EDITS.values(), ids=EDITS)
async def test_what_a_fork_has_of_its_source_is_what_was_signed(
    registry: ActivityRegistry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, edit: str, link: str
):
    monkeypatch.chdir(tmp_path)  # where the key of this machine is made
    sent: list[str] = []

    @registry.execute("last")
    async def last(charge: int, search: int, seen: int) -> str:
        sent.append(f"{charge} {search} {seen}")
        return sent[-1]

    flow = Workflow("order", ["search", "charge", "last"])
    settings = Settings(store=f"sqlite:///{tmp_path}/a.db", signing="on", grace=1)
    async with Paigeant(registry, workflows=[flow], settings=settings) as app:
        run = await app.dispatch("order", {"number": 1})
        async with app.worker():
            await run.result(20)
        fork = await app.run(run.workflow_id).fork(from_="last")
    with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
        changed = edit.replace("{}", "workflow_id = ?")
        assert connection.execute(changed, [fork.workflow_id.hex]).rowcount >= 1
        connection.commit()

    async with Paigeant(registry, workflows=[flow], settings=settings) as app, app.worker():
        await eventually(lambda: _has_ended_or_waits(app.run(fork.workflow_id)), within=20)
        broken = (await Custody(app).verify(fork.workflow_id)).broken
        with pytest.raises(InvalidInput, match="is not what was signed, and cannot be forked"):
            await app.run(fork.workflow_id).fork(from_="last")

    assert broken is not None
    assert broken.link == link
    assert sent in (["20 2 2"], ["20 2 2", "20 2 2"]), "something was executed with what nobody has signed"


async def _has_ended_or_waits(run: Run[Any]) -> bool:
    view = await run.view()
    return view.status.final or view.status is RunStatus.WAITING
