"""A worker that has nothing to do costs nearly nothing: no processor, and hardly a question to the database."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from time import monotonic, sleep

import asyncpg
import pytest

from chaos.servers.postgres import Postgres
from paigeant import ActivityRegistry, Paigeant
from paigeant.config import Settings

WORKERS = 50


class Counting(Postgres):
    """A server that counts what it is asked, statement by statement, BEGIN and COMMIT as well."""

    settings = (
        *(setting for setting in Postgres.settings if "max_connections" not in setting),
        "max_connections=500",
        "shared_preload_libraries=pg_stat_statements",
        "pg_stat_statements.track_utility=on",
    )

    async def tell(self, query: str) -> int:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(query) or 0
        finally:
            await connection.close()

    async def asked(self) -> tuple[int, int]:
        """Return how many transactions there were, and how many statements."""
        counted = "SELECT sum(calls)::bigint FROM pg_stat_statements"  # pg_stat_database hears late of what happened
        return await self.tell(f"{counted} WHERE query LIKE 'BEGIN%'"), await self.tell(counted)


@pytest.fixture
async def server(new_open_folder: Callable[[], Path]):
    made = Counting(new_open_folder())
    await made.prepare()
    try:
        await made.start()
        await Paigeant(settings=Settings(store=made.url)).administration.upgrade_schema()
        await made.tell("CREATE EXTENSION pg_stat_statements")
        yield made
    finally:
        await made.stop()


@pytest.mark.slow
@pytest.mark.timeout(180)
async def test_fifty_idle_workers_ask_postgresql_fewer_than_ten_questions_a_second(server: Counting):
    registry = ActivityRegistry()
    registry.execute("nothing")(lambda: None)
    settings = Settings(store=server.url)
    async with AsyncExitStack() as stack:
        for _ in range(WORKERS):
            app = await stack.enter_async_context(Paigeant(registry, settings=settings))
            await stack.enter_async_context(app.worker())
        await asyncio.sleep(5)
        before = await server.asked()
        await asyncio.sleep(60)
        after = await server.asked()

    transactions, statements = ((b - a) / 60 for a, b in zip(before, after, strict=True))
    print(f"{transactions:.1f} transactions and {statements:.1f} statements a second")  # noqa: T201
    # Of each a look within a lease (15 s), three a minute for what is to end, may go on, or is served by nobody, and a
    # report every 40 s; fewer than ten of all.
    assert transactions < 0.15 * WORKERS


HANDLERS = "from paigeant import activity\n\n\n@activity.execute()\nasync def nothing() -> None: ...\n"
TICKS = os.sysconf("SC_CLK_TCK")
SECONDS = 20
MOST = 0.005
LOOKS = 3
"""On a machine with other load the same work takes up to twice the processor time: what counts is the least of them."""


def spent(pid: int) -> float:
    """Return how many seconds of a processor a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("backend", ["sqlite", "postgres", "redis+postgres", "rabbitmq+postgres", "redis+sqlite"])
def test_an_idle_worker_takes_at_most_half_a_percent_of_a_processor(
    backend: str, tmp_path: Path, surroundings: Callable[..., dict[str, str]]
):
    where = surroundings(backend, "nothing")
    (tmp_path / "handlers.py").write_text(HANDLERS)
    log = tmp_path / "log"
    with log.open("wb") as said:
        worker = subprocess.Popen(
            [sys.executable, "-m", "paigeant", "run", "handlers.py"],
            cwd=tmp_path,
            env=os.environ | where,
            stdout=said,
            stderr=said,
        )
    try:
        end = monotonic() + 40
        while "worker started" not in log.read_text():
            assert monotonic() < end, log.read_text()
            sleep(0.1)
        sleep(5)
        shares = [_share(worker.pid)]
        while min(shares) > MOST and len(shares) < LOOKS:
            shares.append(_share(worker.pid))
    finally:
        worker.kill()
        worker.wait()

    print(*(f"{share:.2%} of a processor" for share in shares))  # noqa: T201
    assert min(shares) <= MOST


def _share(pid: int) -> float:
    before = spent(pid)
    sleep(SECONDS)
    return (spent(pid) - before) / SECONDS
