"""The schema is that of the migrations, made once however many begin at the same moment, and never guessed at."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from operator import methodcaller
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.schema import CreateIndex

import paigeant.sql.schema.migrations
from paigeant.app.choosing import choose_schema
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.sql.schema import version as schema
from paigeant.sql.schema.home import VERSION_TABLE
from paigeant.sql.schema.indexes import INDEXES, WHOLE
from paigeant.sql.sqlite.database import SqliteDatabase
from paigeant.stores.sqlite import SqliteStore


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/paigeant.db"


def execute(url: str, statement: str) -> None:
    with SqliteDatabase(url, "default").connect() as connection:
        connection.exec_driver_sql(statement)
        connection.commit()


@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
def test_the_migrations_make_the_tables_that_the_statements_use(url: str):
    choose_schema(Settings(store=url)).upgrade()

    with SqliteDatabase(url, "default").connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "version_table": VERSION_TABLE})
        assert compare_metadata(context, WHOLE) == []
        for name in ("workflow_runs_error", "workflow_runs_error_step"):  # which SQLAlchemy does not read
            [index] = [each for each in INDEXES if each.name == name]
            made = connection.exec_driver_sql(f"SELECT sql FROM sqlite_master WHERE name = '{name}'")
            assert made.scalar_one() == str(CreateIndex(index).compile(dialect=connection.dialect))


def test_the_versions_this_program_knows_are_the_migrations_there_are():
    config = Config()
    config.set_main_option("script_location", str(Path(paigeant.sql.schema.migrations.__file__).parent))

    revisions = [script.revision for script in ScriptDirectory.from_config(config).walk_revisions()]

    assert tuple(reversed(revisions)) == schema.KNOWN


def test_upgrading_twice_does_nothing(url: str):
    choose_schema(Settings(store=url)).upgrade()
    choose_schema(Settings(store=url)).upgrade()

    choose_schema(Settings(store=url)).check()


def test_an_application_that_logs_everything_sees_no_line_of_the_migrations(url: str, caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO)
    logging.getLogger("alembic").setLevel(logging.DEBUG)

    choose_schema(Settings(store=url)).upgrade()

    assert caplog.messages == []
    assert logging.getLogger("alembic").level == logging.DEBUG
    logging.getLogger("alembic").setLevel(logging.NOTSET)


def test_a_database_that_is_not_there_is_said_to_have_no_schema(url: str, tmp_path: Path):
    with pytest.raises(ConfigError, match="no schema yet: run `paigeant db upgrade`"):
        choose_schema(Settings(store=url)).check()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("ask", [methodcaller("upgrade"), methodcaller("check")], ids=["upgrade", "check"])
def test_a_database_of_a_newer_version_is_refused(url: str, ask):
    choose_schema(Settings(store=url)).upgrade()
    execute(url, "UPDATE paigeant_version SET version_num = '9999'")

    with pytest.raises(ConfigError, match=r"schema 9999.*newer one; upgrade this installation"):
        ask(choose_schema(Settings(store=url)))


async def test_a_store_of_a_newer_version_is_not_opened(url: str):
    choose_schema(Settings(store=url)).upgrade()
    execute(url, "UPDATE paigeant_version SET version_num = '9999'")

    with pytest.raises(ConfigError, match="newer one"):
        async with SqliteStore(url):
            pass


async def test_a_store_of_an_older_version_asks_for_an_upgrade(url: str, monkeypatch: pytest.MonkeyPatch):
    choose_schema(Settings(store=url)).upgrade()
    monkeypatch.setattr(schema, "KNOWN", (*schema.KNOWN, "next"))
    monkeypatch.setattr(schema, "HEAD", "next")

    with pytest.raises(ConfigError, match="this Paigeant needs next: run `paigeant db upgrade`"):
        async with SqliteStore(url):
            pass


def test_many_processes_may_open_a_new_database_at_once(url: str):
    program = (
        "import asyncio, sys\n"
        "from paigeant.stores.sqlite import SqliteStore\n"
        "async def main():\n"
        "    async with SqliteStore(sys.argv[1]) as store:\n"
        "        print(len((await store.list_runs()).runs))\n"
        "asyncio.run(main())\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", program, url], stdout=subprocess.PIPE, text=True) for _ in range(4)
    ]

    assert [process.communicate(timeout=50)[0] for process in processes] == ["0\n"] * 4


async def test_a_process_may_open_many_new_databases_at_once(tmp_path: Path):
    async def opened(number: int) -> int:
        async with SqliteStore(f"sqlite:///{tmp_path}/{number}.db") as store:
            return len((await store.list_runs()).runs)

    assert await asyncio.gather(*map(opened, range(8))) == [0] * 8


def test_a_store_without_a_schema_says_so():
    with pytest.raises(ConfigError, match="memory:// store has no schema"):
        choose_schema(Settings(store="memory://")).upgrade()
