"""How long a due step lies while a worker is free, and others are killed: three workers, few runs, a kill now and then.

A trigger in the database notes of each lease when its hop was due: of one that was taken over, when the dead worker's
lease had run out. Hops that are handed over lie for no time, and are not counted.
"""

from __future__ import annotations

import asyncio
import os
import random
import sqlite3
from asyncio.subprocess import DEVNULL, Process
from contextlib import AsyncExitStack, closing
from pathlib import Path
from sys import executable
from time import monotonic
from typing import Any

import asyncpg
from loops.counts import counts
from workload import Job, answer

from paigeant import Paigeant, Step, Workflow
from paigeant.config import Settings

HANDLERS = """
import asyncio
from paigeant import activity

@activity.execute()
async def step(text: str) -> str:
    await asyncio.sleep(0.3)
    return text
"""
WORKERS, SLOTS = 3, 32
LEASE = 3.0
"""Seconds: so that a run need not take long."""
BETWEEN = 3.0
"""Seconds between two kills."""
TOGETHER, PAUSE = 4, 0.5
"""Runs that are dispatched at a time, and seconds until the next: few, so that some worker is always free."""
PATIENCE = 400.0
NOTES = "CREATE TABLE noted_leases (taken_over BOOLEAN, lay DOUBLE PRECISION)"
NOTED = "SELECT taken_over, lay FROM noted_leases WHERE lay IS NOT NULL"
ON_POSTGRES = """
SET search_path TO paigeant;
{notes};
CREATE FUNCTION note_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO paigeant.noted_leases
        VALUES (OLD.owner IS NOT NULL, extract(epoch FROM clock_timestamp() - OLD.due_at));
    RETURN NULL;
END $$;
CREATE TRIGGER note_lease AFTER UPDATE ON step_executions FOR EACH ROW
    WHEN (NEW.fence > OLD.fence AND NEW.owner IS NOT NULL) EXECUTE FUNCTION note_lease();
"""
ON_SQLITE = """
{notes};
CREATE TRIGGER note_lease AFTER UPDATE ON step_executions
    WHEN NEW.fence > OLD.fence AND NEW.owner IS NOT NULL
    BEGIN INSERT INTO noted_leases VALUES (OLD.owner IS NOT NULL, NEW.started_at - OLD.due_at); END;
"""


async def watch(store: str) -> None:
    """Have the database note each lease from now on."""
    if store.startswith("sqlite"):
        with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as file:
            file.executescript(ON_SQLITE.format(notes=NOTES))
        return
    connection = await asyncpg.connect(store)
    await connection.execute(ON_POSTGRES.format(notes=NOTES))
    await connection.close()


async def ask(store: str, question: str) -> list[tuple[Any, ...]]:
    """Return the rows of an answer."""
    if store.startswith("sqlite"):
        with closing(sqlite3.connect(store.removeprefix("sqlite:///"))) as file:
            return list(file.execute(question))
    connection = await asyncpg.connect(store, server_settings={"search_path": "paigeant"})
    try:
        return [tuple(row) for row in await connection.fetch(question)]
    finally:
        await connection.close()


class Doomed:
    """Workers of which one is killed now and then, and another takes its place."""

    def __init__(self, job: Job) -> None:
        """Serve what the job says."""
        self._environment = os.environ | {"PAIGEANT_STORE": job.store, "PAIGEANT_LEASE": str(LEASE)}
        if job.transport is not None:
            self._environment["PAIGEANT_TRANSPORT"] = job.transport
        self._store = job.store
        self._workers: list[Process] = []
        self._started = 0
        self._seen: set[tuple[str]] = set()
        self._chance = random.Random(job.runs)
        self.killed = 0

    async def start(self) -> None:
        """Start one more, and return when it serves: until then, nobody is killed."""
        command = [executable, "-m", "paigeant", "run", "handlers.py", "--concurrency", str(SLOTS)]
        process = await asyncio.create_subprocess_exec(*command, env=self._environment, stdout=DEVNULL, stderr=DEVNULL)
        self._workers.append(process)
        self._started += 1
        while len(self._seen) < self._started:  # on SQLite the dead are forgotten at once
            await asyncio.sleep(0.05)
            self._seen |= set(await ask(self._store, "SELECT id FROM workers"))

    async def kill(self) -> None:
        """Kill one."""
        victim = self._workers.pop(self._chance.randrange(len(self._workers)))
        victim.kill()
        await victim.wait()
        self.killed += 1

    async def fall(self, seconds: float) -> None:
        """For so long, kill one after the other, each time once another serves in the place of the last."""
        end = monotonic() + seconds
        while monotonic() < end:
            await asyncio.sleep(BETWEEN)
            await self.kill()
            await self.start()

    async def end(self) -> None:
        """End all."""
        for worker in self._workers:
            worker.terminate()
        for worker in self._workers:
            await worker.wait()


async def main(job: Job) -> None:
    """Do what was asked for, and answer."""
    workflow = Workflow("bench", [Step("step", elsewhere=True)] * job.steps)
    settings = Settings(store=job.store, transport=job.transport)
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(asyncio.timeout(PATIENCE))
        app = await stack.enter_async_context(Paigeant(workflows=[workflow], settings=settings))
        doomed, done = Doomed(job), 0
        stack.push_async_callback(doomed.end)
        for _ in range(WORKERS):
            await doomed.start()
        await app.dispatch_many("bench", [{"text": job.text}])
        while (await counts(job.store))[0] < 1:
            await asyncio.sleep(0.1)
        await watch(job.store)
        killing = asyncio.create_task(doomed.fall(job.seconds))
        while not killing.done():
            await app.dispatch_many("bench", [{"text": job.text}] * TOGETHER)
            done += TOGETHER
            await asyncio.sleep(PAUSE)
        killing.result()
        while (await counts(job.store))[0] < done + 1:
            await asyncio.sleep(0.1)
    tell(await ask(job.store, NOTED), doomed.killed)


def tell(found: list[tuple[Any, ...]], killed: int) -> None:
    """Answer with the seconds that hops lay: new ones, and those that a dead worker left."""
    result: dict[str, float] = {"killed": killed}
    for name, which in (("new", False), ("left", True)):
        lay = sorted(seconds for over, seconds in found if bool(over) is which)
        result[f"{name}_count"] = len(lay)
        for share in (50, 99):
            result[f"{name}_p{share}"] = lay[len(lay) * share // 100] if lay else 0.0
        result[f"{name}_max"] = lay[-1] if lay else 0.0
    answer(**result)


Path("handlers.py").write_text(HANDLERS, "utf-8")
asyncio.run(main(Job.of_arguments()))
