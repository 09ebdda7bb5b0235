"""The servers that the tests use: those at the usual ports, or wherever a variable says."""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from paigeant.sql import administration

POSTGRES = os.environ.get("PAIGEANT_TEST_POSTGRES", "postgresql://postgres@127.0.0.1:5432/postgres")


def tell_postgres(*statements: str) -> None:
    """Execute statements on the test server, each by itself."""

    async def tell() -> None:
        url = make_url(POSTGRES).set(drivername="postgresql+asyncpg")
        engine = create_async_engine(url, isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await engine.dispose()

    with ThreadPoolExecutor(1) as thread:  # of its own, for it may be asked from within an event loop
        thread.submit(asyncio.run, tell()).result()


@pytest.fixture(scope="session")
def postgres_template() -> Iterator[str]:
    """Return the name of a database with the schema, to be copied."""
    name = f"paigeant_template_{secrets.token_hex(6)}"
    tell_postgres(f"CREATE DATABASE {name}")
    administration.upgrade(make_url(POSTGRES).set(database=name).render_as_string(hide_password=False))
    yield name
    tell_postgres(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def new_postgres(postgres_template: str) -> Iterator[Callable[..., str]]:
    """Return a function that makes a database of the test's own and returns its URL; it is gone after the test."""
    with ExitStack() as stack:

        def make(*, empty: bool = False) -> str:
            name = f"paigeant_test_{secrets.token_hex(6)}"
            tell_postgres(f"CREATE DATABASE {name}" + ("" if empty else f" TEMPLATE {postgres_template}"))
            stack.callback(tell_postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            return make_url(POSTGRES).set(database=name).render_as_string(hide_password=False)

        yield make
