"""A long run does not become heavier on its way: what a hop carries and writes is small, wherever it is."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from uuid import UUID

import pytest

from paigeant import ActivityRegistry, Paigeant, RunStatus, Workflow
from paigeant.config import Settings

STEPS, SHORT = 1000, 100
KIB = 1024


class Measured:
    """What each hop of a run has written, by position."""

    def __init__(self, database: Path, run: UUID) -> None:
        self.messages: dict[int, int] = {}
        self.rows: dict[int, int] = {}
        with closing(sqlite3.connect(database)) as connection:
            columns = [column[1] for column in connection.execute("PRAGMA table_info(step_executions)")]
            others = [column for column in columns if column != "body"]
            for names, sizes in ((["body"], self.messages), (others, self.rows)):
                size = " + ".join(f"coalesce(length(CAST({name} AS BLOB)), 0)" for name in names)
                query = f"SELECT position, {size} FROM step_executions WHERE workflow_id = ?"
                for key in (run.hex, str(run), run.bytes):
                    sizes.update(connection.execute(query, (key,)).fetchall())


@pytest.mark.slow
@pytest.mark.timeout(240)
async def test_a_run_of_a_thousand_steps_with_a_kilobyte_each_stays_light(tmp_path: Path):
    registry, database = ActivityRegistry(), tmp_path / "paigeant.db"

    def add(name: str) -> None:
        @registry.execute(name)
        async def write(previous: str) -> str:
            return f"{int(previous[:8]) + 1:08}".ljust(KIB, name)

    for name in "abcdefghij":
        add(name)
    workflows = [
        Workflow("long", [*"abcdefghij"] * (STEPS // 10)),
        Workflow("short", [*"abcdefghij"] * (SHORT // 10)),
    ]
    settings = Settings(store=f"sqlite:///{database}")
    async with Paigeant(registry, workflows=workflows, settings=settings) as app, app.worker():
        long, short = await app.dispatch("long", "00000000"), await app.dispatch("short", "00000000")
        results = [await run.result(timeout=200) for run in (long, short)]

    assert [result.status for result in results] == [RunStatus.COMPLETED] * 2
    assert [int(result.output[:8]) for result in results] == [STEPS, SHORT]
    lengthy, brief = Measured(database, long.workflow_id), Measured(database, short.workflow_id)
    print({n: (lengthy.messages[n], lengthy.rows[n]) for n in (1, 2, 500, 901, 1000)})  # noqa: T201
    print({n: (brief.messages[n], brief.rows[n]) for n in (1, 2, 50, 100)})  # noqa: T201
    assert len(lengthy.messages) == len(lengthy.rows) == STEPS
    assert max(lengthy.messages.values()) < 8 * KIB
    behind = STEPS - SHORT
    assert lengthy.messages[1] < 2 * KIB  # nothing of what is ahead: that lies in the store
    for position in range(SHORT // 2, SHORT + 1):  # as much ahead, and 900 steps more behind
        assert lengthy.messages[behind + position] - brief.messages[position] < 100
        assert lengthy.rows[behind + position] - brief.rows[position] < 100
