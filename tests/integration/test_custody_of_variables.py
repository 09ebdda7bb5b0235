"""Variables that a step sets while it runs are signed with its end, wherever they are seen."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from paigeant import ActivityContext, ActivityRegistry, Completed, Paigeant, Parallel, Workflow
from paigeant.app.custody import Custody
from paigeant.config import Settings


@pytest.fixture
def registry() -> ActivityRegistry:
    made = ActivityRegistry()

    @made.execute()
    async def note(ctx: ActivityContext) -> None:
        await ctx.save_variable("noted", 1)
        await ctx.save_variable("noted", 2)
        await ctx.save_variable("tone", "dry")

    @made.execute()
    async def again(noted: int) -> Completed[int]:
        return Completed(noted, variables={"noted": noted + 1})

    @made.execute()
    async def use(noted: int, tone: str) -> str:
        return f"{noted} {tone}"

    return made


@pytest.mark.parametrize("first", ["note", Parallel("note")], ids=["step", "branch"])
async def test_what_a_step_saved_is_as_it_signed_it(
    registry: ActivityRegistry, first: str | Parallel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)  # where the key of this machine is made
    settings = Settings(store=f"sqlite:///{tmp_path}/a.db", signing="on")
    flow = Workflow("flow", [first, "again", "use"])
    async with Paigeant(registry, workflows=[flow], settings=settings) as app, app.worker():
        run, custody = await app.dispatch("flow", {"noted": 0}), Custody(app)

        assert (await run.result(20)).output == "3 dry"
        assert (await custody.verify(run.workflow_id)).verdict == "intact"

        with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
            changed = "UPDATE workflow_variables SET value = '{\"value\": 7}' WHERE name = 'tone'"
            assert connection.execute(changed).rowcount >= 1
            connection.commit()
        broken = (await custody.verify(run.workflow_id)).broken
        assert broken is not None
        assert (broken.link, "not what" in broken.why) == ("vars.tone", True)
