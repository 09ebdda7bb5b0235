"""Taskiq over Redis Streams or RabbitMQ, results in Redis. It knows no workflows: each step sends the next."""

from __future__ import annotations

import asyncio

from in_redis import results
from taskiq.api import run_receiver_task
from taskiq_aio_pika import AioPikaBroker
from taskiq_redis import RedisAsyncResultBackend, RedisStreamBroker
from tasks import perform
from workload import Flight, Job

AT_ONCE = 50
"""Messages that are sent at the same time: each takes a connection to Redis."""

job = Job.of_arguments()
flight = Flight(job.in_flight)
backend = RedisAsyncResultBackend(job.store, prefix_str="result")
broker = (AioPikaBroker(job.transport) if job.transport else RedisStreamBroker(job.store)).with_result_backend(backend)


@broker.task
async def step(text: str, left: int) -> str:
    """Send the next step, or say that the run has come to its end."""
    if left:
        await step.kiq(text, left - 1)
    else:
        flight.land()
    return text


class Taskiq:
    """Taskiq as a system under test."""

    async def dispatch(self, count: int) -> None:
        """Send so many runs, some at a time."""
        room = asyncio.Semaphore(AT_ONCE)

        async def send() -> None:
            async with room:
                await step.kiq(job.text, job.steps - 1)

        await asyncio.gather(*(send() for _ in range(count)))

    async def completed(self) -> tuple[int, int]:
        """Count the results."""
        steps = await asyncio.to_thread(results, job.store, "result:*")
        return steps // job.steps, steps


async def main() -> None:
    """Do what was asked for, and answer."""
    broker.is_worker_process = True
    await broker.startup()
    working = asyncio.create_task(run_receiver_task(broker, max_async_tasks=100))
    await perform(job, Taskiq(), flight, working)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    await broker.shutdown()


asyncio.run(main())
