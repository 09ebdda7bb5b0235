"""Celery over Redis or RabbitMQ, results in Redis; a run is a chain of three tasks.

Its worker is a parent process that feeds a pool of two, as many as there were cores here; who dispatches is a process
of its own, for Celery has no other way. All of them are counted.
"""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
from functools import cache
from pathlib import Path

from celery import Celery, chain
from in_redis import results
from tasks import perform
from workload import Flight, Job

HERE = Path(__file__)
JOB = "BENCH_JOB"
"""Where the worker finds what this process was asked to do."""

if JOB in os.environ:
    sys.argv[1:1] = [os.environ[JOB]]
job = Job.of_arguments()
if JOB in os.environ:
    del sys.argv[1]
app = Celery("on_celery", broker=job.transport or job.store, backend=job.store)
app.conf.update(broker_connection_retry_on_startup=True, worker_hijack_root_logger=False)


@cache
def listener() -> socket.socket:
    """Return a connection to the process that dispatches."""
    return socket.create_connection(("127.0.0.1", int(os.environ["BENCH_PORT"])))


@app.task(name="step")
def step(text: str) -> str:
    """Return what it was given."""
    return text


@app.task(name="last")
def last(text: str) -> str:
    """Say that the run has come to its end, to the process that dispatched it."""
    listener().sendall(b".")
    return text


class CeleryHere:
    """Celery as a system under test."""

    async def dispatch(self, count: int) -> None:
        """Send so many runs, from a thread."""
        await asyncio.to_thread(self._send, count)

    async def completed(self) -> tuple[int, int]:
        """Count the results."""
        steps = await asyncio.to_thread(results, job.store, "celery-task-meta-*")
        return steps // job.steps, steps

    def _send(self, count: int) -> None:
        for _ in range(count):
            between = [step.s() for _ in range(job.steps - 2)]
            chain(step.s(job.text), *between, last.s()).apply_async()


def work(port: int) -> subprocess.Popen[bytes]:
    """Start the worker."""
    environment = os.environ | {
        JOB: job.as_argument(),
        "BENCH_PORT": str(port),
        "PYTHONPATH": f"{os.environ['PYTHONPATH']}{os.pathsep}{HERE.parent}",
    }
    command = [sys.executable, "-m", "celery", "-A", "on_celery", "worker", "--concurrency", "2", "--loglevel", "ERROR"]
    return subprocess.Popen(
        [*command, "--without-gossip", "--without-mingle"], env=environment, stdout=subprocess.DEVNULL
    )


async def main() -> None:
    """Do what was asked for, and answer."""
    flight = Flight(job.in_flight)

    async def listen(reader: asyncio.StreamReader, _: object) -> None:
        while ended := await reader.read(4096):
            for _ in ended:
                flight.land()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    worker = work(server.sockets[0].getsockname()[1])
    try:
        await perform(job, CeleryHere(), flight)
    finally:
        worker.terminate()
        await asyncio.to_thread(worker.wait, 20)


if __name__ == "__main__":
    asyncio.run(main())
