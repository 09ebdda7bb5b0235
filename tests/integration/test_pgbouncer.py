"""Behind PgBouncer in transaction mode everything works, whether or not the URL says that it is there."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic

import asyncpg
import pytest

from chaos.servers.pgbouncer import SESSIONS, PgBouncer
from paigeant import ActivityContext, ActivityRegistry, Paigeant, RetryPolicy, Workflow
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.runs import RunStatus
from paigeant.stores.postgresql import PostgresStore

OPTION = "?prepared_statement_cache_size="


@pytest.fixture
async def pooler(new_postgres: Callable[..., str], new_open_folder: Callable[[], Path]):
    made = PgBouncer(new_open_folder(), new_postgres(empty=True))
    await made.prepare()
    try:
        await made.start()
        await Paigeant(settings=Settings(store=made.url)).administration.upgrade_schema()
        yield made
    finally:
        await made.stop()


def activities(executed: Counter[str]) -> ActivityRegistry:
    registry = ActivityRegistry()

    @registry.execute()
    async def double(previous: int) -> int:
        executed["double"] += 1
        return previous * 2

    @registry.execute(retry=RetryPolicy(max_attempts=3, initial_delay=0.05))
    def flaky(previous: int, ctx: ActivityContext) -> int:
        executed["flaky"] += 1
        if ctx.attempt == 1:
            raise OSError("not yet")
        return previous

    @registry.execute()
    async def slow(previous: int) -> int:
        executed["slow"] += 1
        await asyncio.sleep(4)
        return previous

    return registry


@pytest.mark.parametrize("option", ["", f"{OPTION}0"], ids=["unsaid", "said"])
async def test_runs_complete_with_retries_and_heartbeats(pooler: PgBouncer, option: str):
    executed: Counter[str] = Counter()
    workflows = [Workflow("quick", ["double", "flaky", "double"]), Workflow("long", ["slow", "double"])]
    settings = Settings(store=pooler.url + option, lease=1.5)
    async with (
        Paigeant(activities(executed), workflows=workflows, settings=settings) as app,
        app.worker(),
        Paigeant(ActivityRegistry(), workflows=workflows, settings=settings) as elsewhere,
        Paigeant(activities(executed), workflows=workflows, settings=settings) as other,
        other.worker(),
    ):
        long = await app.dispatch("long", 4)
        quick = [run for part in range(5) for run in await elsewhere.dispatch_many("quick", range(part, 40, 5))]

        results = [await run.result(timeout=40) for run in [long, *quick]]

    assert {result.status for result in results} == {RunStatus.COMPLETED}
    assert sorted(result.output for result in results) == sorted([8, *(4 * n for n in range(40))])
    assert executed["slow"] == 1  # its lease was renewed
    assert executed["flaky"] == 80


async def test_who_waits_looks_each_second_for_nothing_can_be_heard(pooler: PgBouncer):
    async with PostgresStore(pooler.url) as store:
        await asyncio.sleep(0)
        begun = monotonic()
        assert not await store.wait_until_due(["nothing"], 1.5)

        assert monotonic() - begun >= 1.4
        assert store.database.changes.floor == 1.0


async def test_statements_that_a_pooler_mixes_up_are_explained(pooler: PgBouncer):
    async with PostgresStore(f"{pooler.url}{OPTION}100") as store, AsyncExitStack() as stack:
        await store.list_runs()
        for _ in range(SESSIONS - 1):  # the sessions that know the statements are taken
            taken = await asyncpg.connect(pooler.url, statement_cache_size=0)
            stack.push_async_callback(taken.close)
            await taken.execute("BEGIN")

        with pytest.raises(ConfigError, match=r"add \?prepared_statement_cache_size=0 to the URL") as caught:
            await store.list_runs()

    assert "\n" not in str(caught.value)


async def test_a_number_of_statements_that_is_none_is_said(new_postgres: Callable[..., str]):
    with pytest.raises(ConfigError, match="prepared_statement_cache_size=few in the URL of the store is no number"):
        async with PostgresStore(f"{new_postgres()}{OPTION}few"):
            pass
