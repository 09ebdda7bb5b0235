"""Whatever column of a run somebody edits: nothing is executed with what was not signed, and other runs go on."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Integer, LargeBinary, Text, Uuid
from sqlalchemy.exc import DBAPIError, IntegrityError

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.errors import UnknownRun
from paigeant.model.outcomes import Completed
from paigeant.model.runs import RunStatus
from paigeant.model.stored.run_filter import RunFilter
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.sql.schema.custody import records
from paigeant.sql.schema.tables import step_executions, values, workflow_runs, workflow_variables
from paigeant.sql.schema.types import Bytes, StoreTime
from paigeant.testing.waiting import eventually
from tests.integration.test_tampering import Database

TABLES: Final = (workflow_runs, step_executions, workflow_variables, values, records)
LONG: Final = "x" * 5_000
"""Longer than what lies in a row: the values are in a table of their own."""

QUIET: Final = frozenset({"created_at", "updated_at"})


class Line:
    """Two steps that are behind and one that is due, in each of many runs."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.made: list[str] = []
        self.registry = ActivityRegistry()
        key = SigningKey.generate()
        write_key(folder / "key", key)
        may = ["dispatch:*", "step:*", "operate:*"]
        trusted = {"keys": [{**key.public_jwk, "paigeant": {"iss": "all", "may": may}}]}
        (folder / "trust").write_text(json.dumps(trusted))

        @self.registry.execute
        async def cut(payload: str) -> Completed[str]:
            return Completed(f"cut {payload}", variables={"note": f"note of {payload}"})

        @self.registry.execute
        async def sew(cut: str) -> str:
            return f"sewn {cut}"

        @self.registry.execute
        async def sell(payload: str, cut: str, sew: str, note: str) -> str:
            self.made.append(f"{payload} | {cut} | {sew} | {note}")
            return f"sold {sew}"

    def app(self) -> Paigeant:
        signing: dict[str, Any] = {"signing_key": str(self.folder / "key"), "trust": str(self.folder / "trust")}
        settings = Settings(store=self.database.url, grace=1, lease=3, signing="on", **signing)
        return Paigeant(self.registry, workflows=[Workflow("coat", ["cut", "sew", "sell"])], settings=settings)

    def edit(self, table: str, column: Column[Any], where: str, run: Run) -> bool:
        """Set a column to another value of its type; returns False if the database does not take it."""
        statement = f"UPDATE {table} SET {column.name} = {self._other(column)} WHERE workflow_id = '{{run}}'{where}"
        try:
            self.database.edit(statement, run=run.workflow_id)
        except (IntegrityError, DBAPIError):
            return False
        return True

    def _other(self, column: Column[Any]) -> str:
        """Return another value for a column: SQL, in which a brace is doubled."""
        name, lite = column.name, self.database.is_sqlite
        match column.type:
            case Boolean():
                made = f"NOT COALESCE({name}, {'0' if lite else 'false'})"
            case Integer() | BigInteger():
                made = f"COALESCE({name}, 0) + 7"
            case StoreTime():
                made = f"{name} - 40" if lite else f"{name} - interval '40s'"
            case Uuid():
                made = "'01890000000070008000000000000001'"
            case Text():
                made = "'x'"
            case LargeBinary() | Bytes():
                made = "X'0102'" if lite else "decode('0102', 'hex')"
            case _:
                made = '\'{{"value":"x"}}\''
        return made


def said(payload: str) -> str:
    """Return what the last step must have been given, if it was run."""
    return f"{payload} | cut {payload} | sewn cut {payload} | note of {payload}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def line(request: pytest.FixtureRequest, tmp_path: Path, tell_postgres: Any) -> Line:
    url = f"sqlite:///{tmp_path}/paigeant.db"
    url = request.getfixturevalue("new_postgres")() if request.param == "postgresql" else url
    return Line(Database(url, tell_postgres), tmp_path)


async def test_no_step_is_given_what_was_not_signed_whatever_column_is_edited(line: Line):
    places = {"step_executions": (" AND position = 2", " AND position = 3"), "records": (" AND position = 2",)}
    wanted = [
        (table.name, column, where)
        for table in TABLES
        for column in table.columns
        if column.name not in QUIET
        for where in places.get(table.name, ("",))
    ]
    async with line.app() as app:
        edits: dict[str, tuple[Run, str]] = {}
        for number, (table, column, where) in enumerate(wanted):
            payload = f"{number} {LONG if table == 'values' else ''}"
            edits[f"{table}.{column.name}{where}"] = (await app.dispatch("coat", payload), payload)
        untouched = await app.dispatch("coat", "mine")
        async with app.worker(activities=["cut", "sew"]):
            await eventually(lambda: _are_at(app, len(edits) + 1), within=50)
        taken = {
            name: line.edit(table, column, where, edits[name][0])
            for name, (table, column, where) in zip(edits, wanted, strict=True)
        }
        async with line.app() as fresh, fresh.worker():
            end = await fresh.run(untouched.workflow_id).result(timeout=30)
            with suppress(AssertionError):  # an edit may well have a hop that nobody can take
                await eventually(lambda: _are_settled(fresh), within=15)
        broken = {name for name, (run, payload) in edits.items() if await _is_wrong(app, run, payload)}

    assert end.output == "sold sewn cut mine"
    assert sum(taken.values()) > len(taken) / 2
    assert set(line.made) <= {said(payload) for _, payload in edits.values()} | {said("mine")}
    assert len(line.made) == len(set(line.made))
    assert broken == set()


async def _are_at(app: Paigeant, count: int) -> bool:
    """Tell whether the last step of so many runs is due."""
    return await app.store.count_runs(RunFilter(step="sell")) >= count


async def _are_settled(app: Paigeant) -> bool:
    """Tell whether nothing is due: what was edited is held, over, or not there for anybody."""
    return not any(queue.due for queue in await app.store.list_queues())


async def _is_wrong(app: Paigeant, run: Run, payload: str) -> bool:
    """Tell whether a run has completed with anything but what it should have come to."""
    try:
        view = await run.view()
    except (UnknownRun, ValueError):
        return False
    return view.status is RunStatus.COMPLETED and view.output not in {f"sold sewn cut {payload}", None}
