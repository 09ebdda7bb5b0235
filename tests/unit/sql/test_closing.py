"""What branches are to end is forgotten with their node, so that a run's row does not grow with them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from paigeant import ActivityRegistry, ForEach, Paigeant, Parallel, Workflow
from paigeant.config import Settings


async def test_a_run_forgets_which_branches_were_to_end(tmp_path: Path):
    registry, url = ActivityRegistry(), f"sqlite:///{tmp_path}/paigeant.db"

    @registry.execute
    async def step() -> int:
        return 1

    race = Parallel(a=["step"], b=["step", "step", "step", "step"], join="any", name="race")
    each = ForEach("item", in_="items", step=race, max_concurrency=4, name="races")
    races = Workflow("races", [each, "step"])
    async with Paigeant(registry, workflows=[races], settings=Settings(store=url)) as app, app.worker():
        run = await app.dispatch("races", {"items": list(range(8))})
        result: Any = await run.result(timeout=60)

    assert len(result.variables["races"]) == 8
    with closing(sqlite3.connect(tmp_path / "paigeant.db")) as connection:
        assert connection.execute("SELECT closing FROM workflow_runs").fetchall() == [(None,)]
