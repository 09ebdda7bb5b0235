"""Every store keeps every guarantee of its contract."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from paigeant.stores.memory import MemoryStore
from paigeant.stores.memory.clock import store_time
from paigeant.stores.postgresql import PostgresStore
from paigeant.stores.sqlite import SqliteStore
from paigeant.testing.builders import new_run
from paigeant.testing.stores import Connect, StoreContract


class TestMemoryStore(StoreContract):
    skipped = timedelta()

    @asynccontextmanager
    async def backend(self, folder: Path) -> AsyncIterator[Connect]:
        yield lambda namespace: MemoryStore(f"memory://{folder}", namespace=namespace, clock=self.clock)

    def clock(self) -> datetime:
        return store_time() + self.skipped

    async def let_leases_end(self) -> None:
        self.skipped += self.lease

    async def test_without_a_name_it_is_private(self) -> None:
        start = new_run("draft")

        async with MemoryStore() as here, MemoryStore() as there:
            await here.record_workflow_start([start])

            assert [len((await store.list_runs()).runs) for store in (here, there)] == [1, 0]


class TestSqlite(StoreContract):
    @asynccontextmanager
    async def backend(self, folder: Path) -> AsyncIterator[Connect]:
        yield lambda namespace: SqliteStore(f"sqlite:///{folder}/paigeant.db", namespace=namespace)


class TestPostgres(StoreContract):
    @pytest.fixture(autouse=True)
    def database(self, shared_postgres: str) -> None:
        self.url = shared_postgres

    @asynccontextmanager
    async def backend(self, folder: Path) -> AsyncIterator[Connect]:
        own = secrets.token_hex(6)  # to make a database takes longer than most tests
        yield lambda namespace: PostgresStore(self.url, namespace=f"{own}-{namespace}")
