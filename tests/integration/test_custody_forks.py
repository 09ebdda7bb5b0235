"""Forks of signed runs: what a fork executes is signed in it, what it inherits is signed in its source."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from paigeant import ActivityContext, ActivityRegistry, Completed, Paigeant, Parallel, Workflow
from paigeant.app.custody import Custody
from paigeant.config import Settings

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
