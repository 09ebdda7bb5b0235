"""PostgreSQL, when it is not as it should be: one clear line, and nothing lost."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from time import monotonic

import pytest
from sqlalchemy import NullPool, make_url, text
from sqlalchemy.ext.asyncio import create_async_engine

from paigeant import ActivityRegistry, Paigeant, Run, Workflow
from paigeant.app.choosing import choose_schema
from paigeant.config import Settings
from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.model.hops import CommitResult
from paigeant.model.stored.claims import Announced, Due, NoticeStatus
from paigeant.sql.postgres.notify import NotifyListener
from paigeant.stores.postgresql import PostgresStore
from paigeant.testing.builders import completed, new_run
from paigeant.testing.waiting import eventually
from tests.conftest import tell_postgres

HOUR = timedelta(hours=1)


def changed(url: str, **parts: object) -> str:
    return make_url(url).set(**parts).render_as_string(hide_password=False)  # pyright: ignore[reportArgumentType]


async def cut_connections(url: str) -> int:
    """End all other connections to this database, as a server does that is shut down; returns how many."""
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    kill = (
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    async with engine.connect() as connection:
        count: int = (await connection.execute(text(kill))).scalar_one()
    await engine.dispose()
    return count


async def hearing(*all_of: NotifyListener) -> bool:
    return all(one._hears and one.count for one in all_of)


async def opened(url: str) -> None:
    async with PostgresStore(url):
        pass


@pytest.mark.parametrize(
    ("parts", "kind", "words"),
    [
        ({"port": 1}, Unavailable, "does not answer"),
        ({"host": "nowhere.invalid"}, Unavailable, "does not answer"),
        ({"database": "paigeant_no_such"}, ConfigError, "no such database"),
        ({"username": "paigeant_nobody"}, ConfigError, "does not let this user in"),
        ({"query": {"sslmode": "require"}}, ConfigError, "TLS"),
    ],
)
async def test_what_is_wrong_with_the_server_is_one_line(
    new_postgres: Callable[..., str], parts: dict[str, object], kind: type[PaigeantError], words: str
):
    with pytest.raises(kind, match=words) as caught:
        await opened(changed(new_postgres(), **parts))

    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("postgresql://u:hunter2@host:port/x", "no PostgreSQL URL"),
        ("postgresql://u:hunter2@a,b/x?host=a&host=:1", "no PostgreSQL URL"),
        ("postgresql://u:hunter2@host/x?prepared_statement_cache_size=many", "is no number"),
        ("postgresql://u:hunter2@host/x?application_name=me", "an unknown 'application_name'; allowed are database, "),
        ("postgresql://u:hunter2@host/x?command_timeout=3", "an unknown 'command_timeout'; allowed are database, "),
        ("postgresql://u:hunter2@host/x?ssl=require&ssl=disable", "more than one 'ssl'"),
    ],
)
def test_a_url_that_cannot_be_read_is_refused_before_anything_is_connected(url: str, words: str):
    with pytest.raises(ConfigError, match=words) as caught:
        PostgresStore(url)

    assert "hunter2" not in str(caught.value)


def test_several_hosts_and_what_a_pooler_needs_are_no_mistake():
    PostgresStore("postgresql://u@/x?host=a:5432&host=b:5432&target_session_attrs=read-write")
    PostgresStore("postgresql://u@pooler/x?prepared_statement_cache_size=0&sslmode=require")


async def test_a_password_is_never_shown(new_postgres: Callable[..., str]):
    with pytest.raises(PaigeantError) as caught:
        await opened(changed(new_postgres(), password="hunter2", port=1))

    assert "hunter2" not in str(caught.value)


async def test_a_database_without_a_schema_asks_for_an_upgrade(new_postgres: Callable[..., str]):
    with pytest.raises(ConfigError, match="no schema yet: run `paigeant db upgrade`"):
        await opened(new_postgres(empty=True))


def test_many_may_upgrade_at_once(new_postgres: Callable[..., str]):
    url = new_postgres(empty=True)

    async def upgrade() -> None:
        await asyncio.gather(*(asyncio.to_thread(choose_schema(Settings(store=url)).upgrade) for _ in range(4)))

    asyncio.run(upgrade())

    choose_schema(Settings(store=url)).check()


async def test_what_is_wrong_is_wrong_for_one_of_a_group_only(new_postgres: Callable[..., str]):
    async with PostgresStore(new_postgres()) as store:
        await store.record_workflow_start([new_run("draft", payload=1, dispatch_key="a")])
        runs = [new_run("draft", payload=2, dispatch_key="a"), *(new_run("draft") for _ in range(5))]

        answers = await asyncio.gather(*(store.record_workflow_start([run]) for run in runs), return_exceptions=True)

        assert [isinstance(answer, list) for answer in answers] == [False] + [True] * 5


async def test_a_connection_that_is_cut_is_replaced(new_postgres: Callable[..., str]):
    url = new_postgres()
    async with PostgresStore(url) as store:
        await store.record_workflow_start([new_run("draft")])
        [grant] = await store.claim("owner", Due(["draft"]), 1, HOUR)

        assert await cut_connections(url) >= 2

        async def settle() -> list[CommitResult]:
            with suppress(Unavailable):
                return await store.record_step_result([completed(grant)], HOUR)
            return []

        [settled] = await eventually(settle)
        assert settled.verdict == "ok"


async def test_a_run_is_ended_after_what_its_end_waited_for(new_postgres: Callable[..., str]):
    """A commit that has the run's row was there first, though the termination began earlier."""
    url, start = new_postgres(), new_run("draft")
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    async with PostgresStore(url) as store, engine.connect() as other:
        await store.record_workflow_start([start])
        await other.execute(text("SELECT FROM paigeant.workflow_runs FOR UPDATE"))
        terminating = asyncio.create_task(store.terminate(start.workflow_id))

        async def waits() -> bool:
            locked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
            return bool((await other.execute(text(locked))).scalar_one())

        await eventually(waits)
        held_until = (await other.execute(text("SELECT clock_timestamp()"))).scalar_one()
        await other.rollback()
        await terminating

        assert (await other.execute(text("SELECT completed_at FROM paigeant.workflow_runs"))).scalar_one() > held_until
    await engine.dispose()


async def test_a_claim_passes_over_a_run_that_somebody_holds_and_the_message_is_not_spent_by_it(
    shared_postgres: str,
):
    """As branches of one run do it all the time, each with its commit."""
    start = new_run("draft")
    notice = (start.twin.key, hashlib.sha256(start.twin.body).digest())
    engine = create_async_engine(make_url(shared_postgres).set(drivername="postgresql+asyncpg"))
    async with PostgresStore(shared_postgres, namespace="passing") as store, engine.connect() as other:
        await store.record_workflow_start([start])
        holding = text("SELECT FROM paigeant.workflow_runs WHERE workflow_id = :id FOR UPDATE")
        await other.execute(holding, {"id": start.workflow_id})

        assert await store.claim("worker", Announced([notice]), 1, HOUR) == []
        assert await store.find_notice_status([notice]) == [NoticeStatus.DUE]

        await other.rollback()
        assert len(await store.claim("worker", Announced([notice]), 1, HOUR)) == 1
        assert await store.find_notice_status([notice]) == [NoticeStatus.PENDING]
    await engine.dispose()


async def test_runs_complete_though_all_connections_are_cut_again_and_again(new_postgres: Callable[..., str]):
    url, registry, ran = new_postgres(), ActivityRegistry(), asyncio.Semaphore(0)

    @registry.execute()
    async def double(previous: int) -> int:
        await asyncio.sleep(0.01)
        ran.release()
        return previous * 2

    settings = Settings(store=url, lease=3)
    workflow = Workflow("double", ["double", "double", "double"])
    async with Paigeant(registry, workflows=[workflow], settings=settings) as app, app.worker():
        runs = await app.dispatch_many("double", range(60))
        cuts = 0
        for executions in (20, 40, 40, 40):
            for _ in range(executions):
                await ran.acquire()
            cuts += await cut_connections(url)

        async def result(run: Run) -> object:
            end = monotonic() + 40
            while True:
                try:
                    return (await run.result(timeout=30)).output
                except Unavailable:
                    assert monotonic() < end

        assert [await result(run) for run in runs] == [n * 8 for n in range(60)]
        assert cuts >= 4  # one at each cut, at least


async def test_processes_nudge_each_other(new_postgres: Callable[..., str]):
    url = new_postgres()
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"))
    here, there, elsewhere = NotifyListener(engine, "a"), NotifyListener(engine, "a"), NotifyListener(engine, "b")
    for one in (here, there, elsewhere):
        one.start()
    await eventually(lambda: hearing(here, there, elsewhere))
    seen, quiet = there.count, elsewhere.count

    here.send()

    async with asyncio.timeout(5):
        await there.wait(seen, 60)
    assert there.count > seen
    assert elsewhere.count == quiet
    for one in (here, there, elsewhere):
        await one.close()
    await engine.dispose()


async def test_who_was_cut_off_hears_again_soon_after_the_server_is_back(new_postgres: Callable[..., str]):
    """Others hear before: to what this process commits they would look only within the time of a lease."""
    url = new_postgres()
    engine = create_async_engine(make_url(url).set(drivername="postgresql+asyncpg"), poolclass=NullPool)
    listener = NotifyListener(engine, "a")
    listener.start()
    await eventually(lambda: hearing(listener))

    name = make_url(url).database
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"
    await asyncio.to_thread(tell_postgres, f"ALTER DATABASE {name} ALLOW_CONNECTIONS false", end)
    await eventually(lambda: asyncio.sleep(0, not listener._hears))
    await asyncio.sleep(7)
    await asyncio.to_thread(tell_postgres, f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")

    await eventually(lambda: hearing(listener), within=4)
    await listener.close()
    await engine.dispose()


async def test_who_commits_and_ends_at_once_is_heard(new_postgres: Callable[..., str]):
    url = new_postgres()
    async with PostgresStore(url) as waiting:
        assert await eventually(lambda: hearing(waiting.database.changes))  # type: ignore[arg-type]
        due = asyncio.create_task(waiting.wait_until_due(["draft"], 30))
        await asyncio.sleep(0.3)
        async with PostgresStore(url) as store:
            await store.record_workflow_start([new_run("draft")])

        assert await asyncio.wait_for(due, 5)
