"""What an application keeps in the same database is its own, and what is ours has a place of its own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from paigeant.app.choosing import choose_schema
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.sql.schema.home import EARLIER_TABLES
from paigeant.stores.postgresql import PostgresStore
from paigeant.stores.sqlite import SqliteStore
from paigeant.testing.builders import new_run

Tell = Callable[..., None]

OF_THE_APPLICATION = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY)",
    "INSERT INTO alembic_version VALUES ('{version}')",
    "CREATE TABLE messages (id INTEGER PRIMARY KEY, text TEXT)",
    "INSERT INTO messages VALUES (1, 'of the application')",
    "CREATE TABLE workflow_runs (id INTEGER PRIMARY KEY)",
    "CREATE TABLE step_executions (id INTEGER PRIMARY KEY)",
)


async def ask(url: str, question: str) -> list[object]:
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    async with engine.connect() as connection:
        found = list((await connection.execute(text(question))).scalars())
    await engine.dispose()
    return found


@pytest.mark.parametrize("version", ["a1b2c3d4e5f6", "0005", "0006"])
def test_an_application_with_its_own_alembic_and_tables_of_our_names_is_no_hindrance(
    new_postgres: Callable[..., str], tell_postgres: Tell, version: str
):
    url = new_postgres(empty=True)
    tell_postgres(*(line.format(version=version) for line in OF_THE_APPLICATION), on=url)

    with pytest.raises(ConfigError, match="no schema yet"):
        choose_schema(Settings(store=url)).check()
    choose_schema(Settings(store=url)).upgrade()

    choose_schema(Settings(store=url)).check()


async def test_what_the_application_had_is_as_it_was(new_postgres: Callable[..., str], tell_postgres: Tell):
    url = new_postgres()
    tell_postgres(*(line.format(version="0005") for line in OF_THE_APPLICATION), on=url)

    async with PostgresStore(url) as store:
        await store.record_workflow_start([new_run("draft")])
        assert len((await store.list_runs()).runs) == 1

    assert await ask(url, "SELECT version_num FROM public.alembic_version") == ["0005"]
    assert await ask(url, "SELECT text FROM public.messages") == ["of the application"]
    assert await ask(url, "SELECT count(*) FROM public.workflow_runs") == [0]


async def test_a_search_path_of_the_role_or_the_database_changes_nothing(
    new_postgres: Callable[..., str], tell_postgres: Tell
):
    url = new_postgres()
    tell_postgres(f"ALTER DATABASE {make_url(url).database} SET search_path = nowhere")

    async with PostgresStore(url) as store:
        await store.record_workflow_start([new_run("draft")])

    assert await ask(url, "SELECT count(*) FROM paigeant.workflow_runs") == [1]


async def test_tables_of_an_earlier_version_move_with_what_is_in_them(
    new_postgres: Callable[..., str], tell_postgres: Tell
):
    url = new_postgres()
    async with PostgresStore(url) as store:
        await store.record_workflow_start([new_run("draft")])
    rest = await ask(url, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'paigeant'")
    there = [table for table in rest if table in EARLIER_TABLES]
    move = [f'ALTER TABLE paigeant."{table}" SET SCHEMA public' for table in there]
    tell_postgres(
        *move,
        "CREATE TABLE public.alembic_version AS SELECT * FROM paigeant.paigeant_version",
        "DROP TABLE paigeant.paigeant_version",
        on=url,
    )

    await asyncio.to_thread(choose_schema(Settings(store=url)).upgrade)

    async with PostgresStore(url) as store:
        assert len((await store.list_runs()).runs) == 1
    left = await ask(url, "SELECT tablename::text FROM pg_tables WHERE schemaname = 'public'")
    assert left == []


def test_who_may_not_make_a_schema_is_told_what_its_owner_has_to_run(
    new_postgres: Callable[..., str], tell_postgres: Tell
):
    url, user = new_postgres(empty=True), "paigeant_test_no_schema"
    tell_postgres(f"DROP ROLE IF EXISTS {user}", f"CREATE ROLE {user} LOGIN")
    try:
        theirs = make_url(url).set(username=user).render_as_string(hide_password=False)
        with pytest.raises(ConfigError, match=f'let its owner run CREATE SCHEMA paigeant AUTHORIZATION "{user}"'):
            choose_schema(Settings(store=theirs)).upgrade()

        tell_postgres(f'CREATE SCHEMA paigeant AUTHORIZATION "{user}"', on=url)
        choose_schema(Settings(store=theirs)).upgrade()
        choose_schema(Settings(store=theirs)).check()
    finally:
        tell_postgres(f"DROP OWNED BY {user} CASCADE", on=url)
        tell_postgres(f"DROP ROLE {user}")


def test_a_table_of_somebody_else_in_our_schema_is_named(new_postgres: Callable[..., str], tell_postgres: Tell):
    url = new_postgres(empty=True)
    tell_postgres("CREATE SCHEMA paigeant", "CREATE TABLE paigeant.workers (id INTEGER)", on=url)

    with pytest.raises(ConfigError, match="a table 'workers' in its schema 'paigeant' that is not Paigeant's"):
        choose_schema(Settings(store=url)).upgrade()


def test_a_table_that_somebody_dropped_is_named(new_postgres: Callable[..., str], tell_postgres: Tell, tmp_path: Path):
    url, file = new_postgres(), f"sqlite:///{tmp_path / 'paigeant.db'}"
    choose_schema(Settings(store=file)).upgrade()
    tell_postgres("DROP TABLE paigeant.signals", on=url)
    with closing(sqlite3.connect(tmp_path / "paigeant.db")) as connection:
        connection.execute("DROP TABLE signals")

    for database in (url, file):
        for ask in (choose_schema(Settings(store=database)).upgrade, choose_schema(Settings(store=database)).check):
            with pytest.raises(ConfigError, match="no table 'signals', which somebody has dropped: restore a backup"):
                ask()


def test_a_version_that_was_emptied_with_all_tables_can_be_written_back(
    new_postgres: Callable[..., str], tell_postgres: Tell, tmp_path: Path
):
    url, file = new_postgres(), f"sqlite:///{tmp_path / 'paigeant.db'}"
    choose_schema(Settings(store=file)).upgrade()
    tell_postgres("TRUNCATE paigeant.paigeant_version", on=url)
    with closing(sqlite3.connect(tmp_path / "paigeant.db")) as connection, connection:
        connection.execute("DELETE FROM paigeant_version")

    for database in (url, file):
        for ask in (choose_schema(Settings(store=database)).upgrade, choose_schema(Settings(store=database)).check):
            with pytest.raises(ConfigError, match=r"INSERT INTO \S*paigeant_version VALUES \('0006'\)"):
                ask()

    tell_postgres("INSERT INTO paigeant.paigeant_version VALUES ('0006')", on=url)
    choose_schema(Settings(store=url)).check()


@pytest.mark.parametrize("view", ["workflow_runs", "workers"])
def test_a_view_of_somebody_else_that_has_our_name_is_named(tmp_path: Path, view: str):
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.execute(f"CREATE VIEW {view} AS SELECT 1")

    with pytest.raises(ConfigError, match=f"a table '{view}' that is not Paigeant's"):
        choose_schema(Settings(store=f"sqlite:///{tmp_path / 'app.db'}")).upgrade()


def test_a_database_that_cannot_hold_every_text_is_refused(tell_postgres: Tell, new_postgres: Callable[..., str]):
    url = make_url(new_postgres(empty=True))
    tell_postgres(f"DROP DATABASE {url.database}")
    tell_postgres(f"CREATE DATABASE {url.database} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    schema = choose_schema(Settings(store=url.render_as_string(hide_password=False)))

    for ask in (schema.upgrade, schema.check):
        with pytest.raises(ConfigError, match=r"has the encoding LATIN1, .* createdb --encoding=UTF8"):
            ask()


async def test_a_file_of_an_application_with_its_own_alembic_is_shared(tmp_path: Path):
    file = tmp_path / "app.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(";".join(OF_THE_APPLICATION[:2]).format(version="0005"))

    async with SqliteStore(f"sqlite:///{file}") as store:
        await store.record_workflow_start([new_run("draft")])

    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("0005",)]


async def test_a_file_with_a_table_of_somebody_else_that_has_our_name_is_left_as_it_is(tmp_path: Path):
    file = tmp_path / "app.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(";".join(OF_THE_APPLICATION[2:4]))

    with pytest.raises(ConfigError, match="a table 'messages' that is not Paigeant's: give Paigeant a file of its own"):
        async with SqliteStore(f"sqlite:///{file}"):
            pass

    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("messages",)]


async def test_a_file_of_an_earlier_version_takes_its_version_along(tmp_path: Path):
    file = tmp_path / "paigeant.db"
    async with SqliteStore(f"sqlite:///{file}") as store:
        await store.record_workflow_start([new_run("draft")])
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("ALTER TABLE paigeant_version RENAME TO alembic_version")

    choose_schema(Settings(store=f"sqlite:///{file}")).upgrade()

    async with SqliteStore(f"sqlite:///{file}") as store:
        assert len((await store.list_runs()).runs) == 1
    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master WHERE name LIKE 'alembic%'").fetchall() == []


def test_a_table_of_somebody_else_that_has_the_name_of_our_version_is_named(
    tmp_path: Path, new_postgres: Callable[..., str], tell_postgres: Tell
):
    url = new_postgres(empty=True)
    tell_postgres("CREATE SCHEMA paigeant", "CREATE TABLE paigeant.paigeant_version (id INTEGER)", on=url)
    with closing(sqlite3.connect(tmp_path / "app.db")) as connection:
        connection.execute("CREATE TABLE paigeant_version (id INTEGER)")

    for database in (url, f"sqlite:///{tmp_path / 'app.db'}"):
        for ask in (choose_schema(Settings(store=database)).upgrade, choose_schema(Settings(store=database)).check):
            with pytest.raises(ConfigError, match=r"a table 'paigeant_version' .*that is not Paigeant's"):
                ask()
