"""The dashboard costs the same however many runs there are: few queries a page, none far into an index."""

from __future__ import annotations

import json
import os
import re
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple
from uuid import UUID

import httpx2
import pytest
from sqlalchemy import Connection, Engine, event, make_url

from paigeant import ActivityRegistry, Workflow
from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.model.stored.overview import COUNTED
from paigeant.web import asgi
from tests.conftest import tell_postgres

RUNS = int(os.environ.get("PAIGEANT_TEST_MANY_RUNS", "1_000_000"))
OPEN, RARE = 50, 20_000
"""One run in so many is open; one in so many is of a kind of which there are few."""

QUERIES = 8
"""Of a page, at most."""

SLACK = 2
"""Rows that a query may look at for each that it counts: one of the run, and one of the hop that it waits with."""

MIDDLE = RUNS // 2


class Dialect(NamedTuple):
    """How a database counts to a million, and writes an id and a time."""

    numbers: str
    id: str
    time: str


POSTGRES = Dialect(
    f"SELECT generate_series(1, {RUNS}) AS n",
    "(lpad(to_hex(1780000000000 + n * 10), 12, '0') || '7000' || '8000' || lpad(to_hex(n), 12, '0'))::uuid",
    "now() - ({runs} - n) * interval '0.1 second'",
)
SQLITE = Dialect(
    f"WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t WHERE n < {RUNS}) SELECT n FROM t",
    "(printf('%012x', 1780000000000 + n * 10) || '7000' || '8000' || printf('%012x', n))",
    "unixepoch() - ({runs} - n) * 0.1",
)


def id_of(n: int) -> UUID:
    return UUID(f"{1780000000000 + n * 10:012x}70008000{n:012x}")


def fill(url: str) -> None:
    """Write a million runs of a hop each; what is rare lies far behind."""
    dialect = POSTGRES if url.startswith("postgresql") else SQLITE
    at, home = dialect.time.format(runs=RUNS), "paigeant." if dialect is POSTGRES else ""
    kind = f"CASE WHEN n % {OPEN} = 0 THEN 'open' WHEN n % 10 = 1 THEN 'failed' ELSE 'completed' END"
    ended = f"CASE WHEN n % {OPEN} > 0 THEN {at} END"
    what = f"CASE WHEN n % {RARE} = 1 THEN 'RareError' ELSE 'ValueError' END"
    error = f"""CASE WHEN n % 10 = 1 THEN '{{"type":"' || {what} || '","message":"no","step":"charge"}}' END"""
    workflow = f"CASE WHEN n % {RARE} = 0 THEN 'rare' ELSE 'order' END"
    runs = (
        f"INSERT INTO {home}workflow_runs (workflow_id, namespace, workflow, trace_id, tenant, input, input_sha256, "
        f"status, created_at, completed_at, error) SELECT {dialect.id}, 'default', {workflow}, 'trace' || n, "
        f"""'t' || n % 1000, '{{"value": 1}}', '', {kind}, {at}, {ended}, {error} FROM ({dialect.numbers}) AS numbers"""
    )
    parked = f"n % {RARE} = 0"
    status = f"CASE WHEN n % {OPEN} > 0 THEN 'completed' WHEN {parked} OR n % 100 = 0 THEN 'waiting' ELSE 'pending' END"
    reason = f"CASE WHEN n % {OPEN} > 0 THEN NULL WHEN {parked} THEN 'parked' WHEN n % 100 = 0 THEN 'sleep' END"
    due = f"CASE WHEN {parked} THEN NULL ELSE {at} END"
    steps = (
        f"INSERT INTO {home}step_executions (workflow_id, path, position, namespace, step, step_id, direction, status, "
        "attempt, interruptions, fence, due_at, hint_at, hints, completed_at, reason, compensable) "
        f"SELECT {dialect.id}, '', 1, 'default', 'charge', {dialect.id}, 'execute', {status}, 0, 0, 0, {due}, {at}, 0, "
        f"{ended}, {reason}, false FROM ({dialect.numbers}) AS numbers"
    )
    if dialect is POSTGRES:
        tell_postgres(*(each.replace(":", "\\:") for each in (runs, steps, "ANALYZE")), on=url)
    else:
        with closing(sqlite3.connect(make_url(url).database or "")) as connection:
            connection.execute(runs)
            connection.execute(steps)  # nothing ever tells SQLite how many rows there are
            connection.commit()


class Looks:
    """What each query of a page has looked at, as the database itself counts it when it is asked again."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str]] = []
        self._busy = False

    def after(self, connection: Connection, cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if self._busy or not re.match(r"\s*(SELECT|WITH)\b.*\bFROM\b", statement, re.DOTALL):
            return  # what says the time is no query of ours
        self._busy = True
        try:
            if connection.dialect.name == "postgresql":
                explain = f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}"
                found = connection.exec_driver_sql(explain, parameters).scalar_one()
                plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
                self.seen.append((looked_at(plan), statement))
            else:
                self.seen.append((steps_of(cursor.connection, statement, parameters), statement))
        finally:
            self._busy = False


def looked_at(plan: dict[str, Any]) -> int:
    """Return the most rows that one node of a plan has looked at, in all its loops."""
    lost = sum(value for name, value in plan.items() if name.startswith("Rows Removed by"))
    mine = 0
    if "Relation Name" in plan or "Index Name" in plan:
        mine = (plan["Actual Rows"] + lost) * plan["Actual Loops"]
    return max([int(mine), *(looked_at(each) for each in plan.get("Plans", ()))])


def steps_of(connection: sqlite3.Connection, statement: str, parameters: Any) -> int:
    """Return how many rows SQLite has looked at, about: so many hundreds of instructions it has needed."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    connection.set_progress_handler(tick, 1000)
    try:
        connection.cursor().execute(statement, parameters).fetchall()
    finally:
        connection.set_progress_handler(None, 0)
    return count * 10


PAGES = (
    "/",
    "/runs",
    "/runs?status=failed",
    "/runs?status=completed",
    "/runs?status=waiting",
    "/runs?status=pending",
    "/runs?workflow=order",
    "/runs?workflow=rare",
    "/runs?tenant=t7",
    "/runs?tenant=none",
    "/runs?trace_id=trace77",
    "/runs?stuck=true",
    "/runs?status=waiting&stuck=true",
    "/runs?error=RareError",
    "/runs?error=ValueError",
    "/runs?error=NoError",
    "/runs?step=charge",
    "/runs?step=charge&status=failed",
    "/runs?step=charge&status=completed",
    "/runs?step=nosuch",
    "/runs?reason=parked",
    "/runs?reason=sleep",
    "/runs?reason=signal",
    "/runs?reason=contract",
    "/runs?status=failed&error=RareError&ended_after=2020-01-01T00:00:00Z",
    "/runs?created_before=2020-01-01T00:00:00Z",
    "/runs?status=failed&created_before=2020-01-01T00:00:00Z",
    "/runs?tenant=t7&ended_before=2020-01-01T00:00:00Z",
    f"/runs/{id_of(MIDDLE + 3)}",  # completed
    f"/runs/{id_of(MIDDLE + 50)}",  # due
    f"/runs/{id_of(RARE)}",  # parked
    "/queues",
    "/workers",
    "/workflows",
    "/dead-letters",
    "/approvals",
    "/cost",
)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("backend", ["sqlite", "postgres"])
async def test_each_page_asks_little_of_a_million_runs(backend: str, tmp_path: Path, new_postgres: Callable[..., str]):
    url = f"sqlite:///{tmp_path}/many.db" if backend == "sqlite" else new_postgres()
    registry, looks = ActivityRegistry(), Looks()
    registry.execute("charge")(lambda: None)
    settings = Settings(store=url)
    async with Paigeant(registry, workflows=[Workflow("order", ["charge"])], settings=settings) as app:
        elsewhere = [Workflow(f"order-{number}", ["charge"], activities=registry) for number in range(20)]
        plans = [flow.plan for flow in elsewhere]
        await app.store.publish_catalog([*app.workflows.values(), *plans], [registry["charge"].card])
        fill(url)
        transport = httpx2.ASGITransport(app=asgi(app))
        event.listen(Engine, "after_cursor_execute", looks.after)
        try:
            async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8200") as client:
                found = {}
                for path in PAGES:
                    looks.seen.clear()
                    began = monotonic()
                    answer = await client.get(path, headers={"accept": "text/html"})
                    assert answer.status_code == 200, answer.text
                    found[path] = (len(looks.seen), *max(looks.seen, default=(0, "")), monotonic() - began)
        finally:
            event.remove(Engine, "after_cursor_execute", looks.after)

    for path, (count, most, _, seconds) in found.items():
        print(f"{path}: {count} queries, {most} rows, {seconds:.2f} s, with each asked twice")  # noqa: T201
    too_many = {path: each for path, each in found.items() if each[0] > QUERIES or each[1] > SLACK * COUNTED}
    assert too_many == {}
