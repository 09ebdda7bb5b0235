"""Many runs of one long plan, however they are dispatched, write it once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Table

from paigeant.abc import Store
from paigeant.sql.execution.transaction import Tx
from paigeant.stores.postgresql import PostgresStore
from paigeant.stores.sqlite import SqliteStore
from paigeant.testing.builders import new_run
from paigeant.testing.stores.plans import plan


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    if request.param == "sqlite":
        return SqliteStore(f"sqlite:///{tmp_path}/paigeant.db")
    new_postgres: Callable[[], str] = request.getfixturevalue("new_postgres")
    return PostgresStore(new_postgres())


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    rows: Counter[str] = Counter()
    add = Tx.add

    def count(tx: Tx, table: Table, some: Sequence[Mapping[str, Any]]) -> None:
        rows[table.name] += len(some)
        add(tx, table, some)

    monkeypatch.setattr(Tx, "add", count)
    return rows


async def test_a_hundred_runs_of_one_call_write_their_plan_once(store: Store, written: Counter[str]) -> None:
    async with store:
        await store.record_workflow_start([new_run("draft", plan=plan()) for _ in range(100)])

    assert (written["plans"], written["run_plans"]) == (1, 100)


async def test_a_hundred_calls_write_it_once_too(store: Store, written: Counter[str]) -> None:
    async with store:
        await store.record_workflow_start([new_run("draft", plan=plan())])
        await asyncio.gather(*(store.record_workflow_start([new_run("draft", plan=plan())]) for _ in range(99)))

    assert (written["plans"], written["run_plans"]) == (1, 100)


async def test_runs_of_short_plans_write_none(store: Store, written: Counter[str]) -> None:
    async with store:
        await store.record_workflow_start([new_run("draft") for _ in range(3)])

    assert (written["plans"], written["run_plans"]) == (0, 0)
