"""One file for several processes: grouped, flushed, kept small, and clear about what is wrong with it."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from paigeant.errors import ConfigError, DispatchConflict, Unavailable
from paigeant.model.stored.claims import Due
from paigeant.sql.execution import failures
from paigeant.sql.schema import version as schema
from paigeant.sql.sqlite import checks, database, new_file
from paigeant.sql.sqlite.database import SqliteDatabase
from paigeant.sql.sqlite.process_locks import ProcessLocks
from paigeant.stores.sqlite import SqliteStore
from paigeant.testing.builders import completed, new_run

HOUR = timedelta(hours=1)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "paigeant.db"


@pytest.fixture
def url(file: Path) -> str:
    return f"sqlite:///{file}"


async def test_a_second_new_file_is_what_migrations_make_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(new_file, "_made", [])
    dumps = list[list[str]]()

    for number in (1, 2):
        async with SqliteStore(f"sqlite:///{tmp_path}/{number}.db"):
            pass
        with closing(sqlite3.connect(tmp_path / f"{number}.db")) as connection:
            dumps.append([line for line in connection.iterdump() if "store_clock" not in line or "INSERT" not in line])
        monkeypatch.setattr(schema, "migrate", None)  # the second is not migrated

    assert len(dumps[0]) > 50
    assert dumps[0] == dumps[1]


async def test_a_file_with_tables_of_an_application_is_migrated(file: Path, url: str):
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER)")

    async with SqliteStore(url) as store:
        await store.record_workflow_start([new_run("draft")])

    with closing(sqlite3.connect(file)) as connection:
        assert connection.execute("SELECT count(*) FROM orders").fetchone() == (0,)


def test_every_connection_is_set_up_to_lose_nothing(url: str):
    database = SqliteDatabase(url, "default")

    with database.connect() as connection:
        hop_list = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout", "wal_autocheckpoint", "mmap_size")
        found = [connection.exec_driver_sql(f"PRAGMA {pragma}").scalar_one() for pragma in hop_list]

    assert found == ["wal", 2, 1, 30_000, 0, 0]


async def test_what_is_asked_meanwhile_shares_a_transaction(url: str):
    async with SqliteStore(url) as store:
        runs = [new_run("draft") for _ in range(50)]

        await asyncio.gather(*(store.record_workflow_start([run]) for run in runs))

        views = [await store.get_run(run.workflow_id) for run in runs]
        assert len({view.created_at for view in views}) < 10  # a transaction has one time


async def test_of_a_group_only_the_bad_one_fails(url: str):
    async with SqliteStore(url) as store:
        await store.record_workflow_start([new_run("draft", payload=1, dispatch_key="a")])
        bad = new_run("draft", payload=2, dispatch_key="a")
        good = [new_run("draft") for _ in range(5)]

        answers = await asyncio.gather(
            *(store.record_workflow_start([run]) for run in (*good[:3], bad, *good[3:])), return_exceptions=True
        )

        assert [type(answer) for answer in answers] == [list, list, list, DispatchConflict, list, list]
        assert len((await store.list_runs()).runs) == 6


async def test_one_who_stops_waiting_disturbs_nobody(url: str):
    async with SqliteStore(url) as store:
        waiting = [asyncio.ensure_future(store.record_workflow_start([new_run("draft")])) for _ in range(5)]
        await asyncio.sleep(0)
        waiting[2].cancel()

        answers = await asyncio.gather(*waiting, return_exceptions=True)

        assert [isinstance(answer, list) for answer in answers] == [True, True, False, True, True]


async def test_a_closed_store_says_so(url: str):
    async with SqliteStore(url) as store:
        pass

    with pytest.raises(Unavailable, match="closed"):
        await store.list_plans()


async def test_the_wal_is_written_back_before_it_grows_large(url: str, file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "_LARGE", 200_000)
    async with SqliteStore(url) as store, SqliteStore(url) as other:
        sizes: list[int] = []
        for n in range(60):
            handle = (store, other)[n % 2]
            await handle.record_workflow_start([new_run("draft", payload="x" * 20_000)])
            sizes.append(Path(f"{file}-wal").stat().st_size)

        assert max(sizes) < 800_000
        assert len((await store.list_runs(limit=100)).runs) == 60


async def test_a_reader_in_the_way_of_a_checkpoint_delays_it_only(
    url: str, file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "_LARGE", 200_000)
    async with SqliteStore(url) as store:
        reader = sqlite3.connect(file, isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM workflow_runs").fetchone()
        for _ in range(20):
            await store.record_workflow_start([new_run("draft", payload="x" * 20_000)])
        assert Path(f"{file}-wal").stat().st_size > 200_000

        reader.execute("ROLLBACK")
        reader.close()
        for _ in range(20):
            await store.record_workflow_start([new_run("draft", payload="x" * 20_000)])

        assert Path(f"{file}-wal").stat().st_size < 400_000
        assert len((await store.list_runs(limit=100)).runs) == 40


async def test_two_stores_on_one_file_see_each_other_at_once(url: str):
    async with SqliteStore(url) as here, SqliteStore(url) as there:
        await here.record_workflow_start([new_run("draft", "print")])
        [grant] = await there.claim("owner", Due(["draft"]), 1, HOUR)
        await there.record_step_result([completed(grant)], HOUR)

        [grant] = await here.claim("other", Due(["print"]), 1, HOUR)
        assert grant.key.position == 2


async def test_a_full_disk_loses_nothing_and_can_be_waited_for(url: str):
    async with SqliteStore(url) as store:
        await store.record_workflow_start([new_run("draft")])
        [grant] = await store.claim("owner", Due(["draft"]), 1, HOUR)

        def limit(pages: int):
            return lambda tx: tx.connection.exec_driver_sql(f"PRAGMA max_page_count={pages}").scalar_one()

        await store.database.write(limit(1))
        with pytest.raises(Unavailable, match="disk is full"):
            await store.record_workflow_start([new_run("draft", payload="x" * 10_000) for _ in range(100)])

        await store.database.write(limit(1_000_000))
        [settled] = await store.record_step_result([completed(grant)], HOUR)
        assert settled.verdict == "ok"


@pytest.mark.parametrize("name", ["sqlite://", "sqlite:///:memory:"])
def test_a_database_in_memory_is_refused(name: str):
    with pytest.raises(ConfigError, match="memory://"):
        SqliteStore(name)


@pytest.mark.parametrize("name", ["sqlite", "sqlite:x.db", "sqlite:///~nobody-of-that-name/x.db", "sqlite:////"])
def test_a_url_that_names_no_file_is_refused(name: str):
    with pytest.raises(ConfigError, match="names no file"):
        SqliteStore(name)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "a\0b", "\ud800"])
async def test_a_file_that_no_folder_can_hold_is_refused(tmp_path: Path, name: str):
    with pytest.raises(ConfigError, match=r"cannot be used|names no file"):
        async with SqliteStore(f"sqlite:///{tmp_path}/{name}"):
            pass


async def test_a_file_that_is_no_database_is_refused(url: str, file: Path):
    file.write_bytes(b"a letter to my aunt, and not a short one either" * 100)

    with pytest.raises(ConfigError, match="no SQLite database"):
        async with SqliteStore(url):
            pass


async def test_a_damaged_database_is_refused(url: str, file: Path):
    async with SqliteStore(url):
        pass
    content = bytearray(file.read_bytes())
    content[4096:12288] = b"\xff" * 8192
    file.write_bytes(content)

    async def use() -> None:
        async with SqliteStore(url) as store:
            await store.list_runs()
            await store.record_workflow_start([new_run("draft")])

    with pytest.raises(ConfigError, match="damaged"):
        await use()


async def test_a_folder_where_a_file_should_be_is_refused(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be used"):
        async with SqliteStore(f"sqlite:///{tmp_path}"):
            pass


async def test_a_path_through_a_file_is_refused(tmp_path: Path):
    (tmp_path / "file").touch()

    with pytest.raises(ConfigError, match="cannot be used"):
        async with SqliteStore(f"sqlite:///{tmp_path}/file/paigeant.db"):
            pass


def test_a_network_drive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    mounts = tmp_path / "mounts"
    mounts.write_text(f"/dev/sda1 / ext4 rw 0 0\nserver:/export {tmp_path} nfs4 rw 0 0\n")
    monkeypatch.setattr(checks, "_MOUNTS", mounts)

    with pytest.raises(ConfigError, match=r"network drive \(nfs4\)"):
        checks.prepare_folder(tmp_path / "paigeant.db")


def test_the_default_folder_is_kept_out_of_git(tmp_path: Path):
    checks.prepare_folder(tmp_path / ".paigeant" / "paigeant.db")
    checks.prepare_folder(tmp_path / "mine" / "paigeant.db")

    assert (tmp_path / ".paigeant" / ".gitignore").read_text() == "*\n"
    assert not (tmp_path / "mine" / ".gitignore").exists()


@pytest.mark.parametrize(
    ("code", "kind"),
    [("SQLITE_BUSY", Unavailable), ("SQLITE_IOERR_FSYNC", Unavailable), ("SQLITE_READONLY_DBMOVED", ConfigError)],
)
def test_errors_are_told_apart_by_what_is_to_be_done(code: str, kind: type[Exception]):
    from sqlalchemy.exc import OperationalError  # noqa: PLC0415

    original = sqlite3.OperationalError("so it is")
    original.sqlite_errorname = code

    with pytest.raises(kind, match="the database here"), failures.translate_errors("here"):
        raise OperationalError("SELECT 1", {}, original)


async def test_what_goes_wrong_behind_a_commit_does_not_stop_the_writer(url: str, monkeypatch: pytest.MonkeyPatch):
    async with SqliteStore(url) as store:
        monkeypatch.setattr(database, "_LARGE", 1)
        store.database._checkpoint_at = 1  # pyright: ignore[reportAttributeAccessIssue]

        def fail(*_: object, **__: object) -> None:
            raise OSError(24, "Too many open files")

        monkeypatch.setattr("paigeant.sql.sqlite.process_locks.os.open", fail)
        for _ in range(3):
            await store.record_workflow_start([new_run("draft")])
        monkeypatch.undo()

        async with asyncio.timeout(10):
            await store.record_workflow_start([new_run("draft")])
        assert len((await store.list_runs()).runs) == 4


async def test_a_checkpoint_that_another_is_stopped_in_delays_nobody(
    url: str, file: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(database, "_LARGE", 1)
    async with SqliteStore(url) as store:
        with ProcessLocks(file).alone("checkpointing", patience=0):
            async with asyncio.timeout(10):
                for _ in range(5):
                    await store.record_workflow_start([new_run("draft")])


async def test_opening_waits_for_another_only_so_long(url: str, file: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(database, "_PATIENCE", 0.1)
    presence = ProcessLocks(file)
    presence.prepare()

    async def opened() -> None:
        async with SqliteStore(url):
            pass

    with presence.alone("opening", patience=0), pytest.raises(Unavailable, match=r"opening the database for 0\.1 s"):
        await opened()


async def test_who_only_looks_needs_no_lock(url: str, file: Path):
    async with SqliteStore(url) as store:
        await store.record_workflow_start([new_run("draft")])
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")

    async with asyncio.timeout(10), SqliteStore(url) as store:
        assert len((await store.list_runs()).runs) == 1

    writer.execute("ROLLBACK")
    writer.close()


@pytest.mark.parametrize("replaced", [True, False])
async def test_a_file_that_is_gone_is_noticed(url: str, file: Path, *, replaced: bool):
    async with SqliteStore(url) as store:
        assert await store.end_dead_leases("me") == 0
        file.rename(file.with_suffix(".old"))
        if replaced:
            file.touch()

        with pytest.raises(Unavailable, match="deleted or replaced"):
            await store.end_dead_leases("me")


async def test_there_may_be_more_topics_than_one_statement_takes(url: str):
    topics = [f"topic-{n}" for n in range(1200)]
    async with SqliteStore(url) as store:
        await store.record_workflow_start([new_run(topic) for topic in topics[::100]])

        assert await store.wait_until_due(topics, 5)
        grants = await store.claim("owner", Due(topics), 5, HOUR)
        rest = await store.claim("owner", Due(topics), 100, HOUR)

        assert (len(grants), len(rest)) == (5, 7)
        assert [grant.topic for grant in grants] == topics[:500:100]
