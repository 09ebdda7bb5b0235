"""Dramatiq over Redis or RabbitMQ, results in Redis; a run is a pipeline of three messages."""

from __future__ import annotations

import asyncio

import dramatiq
from dramatiq import Worker, pipeline
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.results import Results
from dramatiq.results.backends.redis import RedisBackend
from in_redis import results
from tasks import perform
from workload import Flight, Job

job = Job.of_arguments()
flight = Flight(job.in_flight)
broker = RabbitmqBroker(url=job.transport) if job.transport else RedisBroker(url=job.store)
broker.add_middleware(Results(backend=RedisBackend(url=job.store)))
dramatiq.set_broker(broker)


@dramatiq.actor(store_results=True)
def step(text: str) -> str:
    """Return what it was given."""
    return text


@dramatiq.actor(store_results=True)
def last(text: str) -> str:
    """Say that the run has come to its end."""
    loop.call_soon_threadsafe(flight.land)
    return text


class Dramatiq:
    """Dramatiq as a system under test."""

    async def dispatch(self, count: int) -> None:
        """Send so many runs, from a thread."""
        await asyncio.to_thread(self._send, count)

    async def completed(self) -> tuple[int, int]:
        """Count the results."""
        steps = await asyncio.to_thread(results, job.store, "?" * 32)
        return steps // job.steps, steps

    def _send(self, count: int) -> None:
        for _ in range(count):
            between = [step.message() for _ in range(job.steps - 2)]
            pipeline([step.message(job.text), *between, last.message()]).run()


async def main() -> None:
    """Do what was asked for, and answer."""
    global loop  # noqa: PLW0603  (actors run in threads of the worker)
    loop = asyncio.get_running_loop()
    worker = Worker(broker, worker_threads=8)
    worker.start()
    await perform(job, Dramatiq(), flight)
    await asyncio.to_thread(worker.stop)


asyncio.run(main())
