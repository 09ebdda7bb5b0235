"""What kills its workers is set aside, what is no message of a run is kept, and their neighbours go on."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

import aio_pika
import pytest
from redis.asyncio import Redis

from paigeant import ActivityRegistry, Paigeant, RunStatus, Workflow
from paigeant.config import Settings
from paigeant.model.hops import Sealed
from paigeant.model.stored.dead_letters import KEPT_BYTES, DeadLetter, Flaw
from paigeant.testing.builders import CODEC, new_message
from paigeant.testing.waiting import eventually

PATIENCE = 90  # a queue that lost its leader is made anew first

HANDLERS = """
import os, signal
from paigeant import RetryPolicy, Workflow, activity


@activity.execute(retry=RetryPolicy(max_attempts=3))
def kill() -> None:
    with open("attempts", "a") as attempts:
        attempts.write("x")
    os.kill(os.getpid(), signal.SIGKILL)


@activity.execute()
def live(payload: int) -> int:
    return payload + 1


killing = Workflow("killing", ["kill"])
living = Workflow("living", ["live", "live"])
"""

registry = ActivityRegistry()


@registry.execute
async def live(payload: int) -> int:
    return payload + 1


living = Workflow("living", [live, live])

Throw = Callable[[bytes, str | None], Awaitable[None]]
"""Puts bytes into the queue of ``live``, as a stranger would who knows its name and nothing else."""


class Corner:
    """A store and a broker with nothing in them, and ways to reach the broker behind Paigeant's back."""

    def __init__(self, settings: Settings, throw: Throw, kept: Callable[[], Awaitable[list[bytes]]]) -> None:
        self.settings, self.throw, self.kept = settings, throw, kept
        self.app: Paigeant = Paigeant(registry, workflows=[living], settings=settings)

    async def letters(self) -> dict[bytes, DeadLetter]:
        page = await self.app.store.list_dead_letters(limit=1000)
        return {letter.body: letter for letter in page.dead_letters}

    async def has(self, count: int) -> dict[bytes, DeadLetter] | None:
        letters = await self.letters()
        return letters if len(letters) == count else None

    async def is_empty(self) -> bool:
        transport = self.app.runtime.transport
        return transport is not None and not await transport.depth("live")


async def over_redis(url: str, corner: Any) -> Corner:
    key = f"pg:{{poison-{corner.name}}}"

    async def throw(body: bytes, message_id: str | None) -> None:
        fields: dict[Any, Any] = {"b": body} if message_id is None else {"i": message_id, "b": body}
        async with Redis.from_url(corner.url) as redis:
            await redis.xadd(f"{key}:q:live", fields)

    async def kept() -> list[bytes]:
        async with Redis.from_url(corner.url) as redis:
            found: Any = await redis.xrange(f"{key}:dead")
            return [fields[b"b"] for _, fields in found]

    settings = Settings(store=url, transport=corner.url, namespace=f"poison-{corner.name}", lease=3.0, grace=1.0)
    return Corner(settings, throw, kept)


async def over_rabbitmq(url: str, corner: Any) -> Corner:
    space = corner.space()
    corner.topics |= {"live", "kill"}

    async def throw(body: bytes, message_id: str | None) -> None:
        headers: dict[str, Any] = {} if message_id is None else {"paigeant-id": message_id}
        async with (
            await aio_pika.connect(corner.url) as connection,
            connection.channel(on_return_raises=True) as channel,
        ):
            message = aio_pika.Message(body, headers=headers)
            await channel.default_exchange.publish(message, f"paigeant:{space}:q:live")

    async def kept() -> list[bytes]:
        async with await aio_pika.connect(corner.url) as connection, connection.channel() as channel:
            queue = await channel.get_queue(f"paigeant:{space}:dead")
            found = [await queue.get(fail=False) for _ in range(3)]
            return [message.body for message in found if message is not None]

    settings = Settings(store=url, transport=corner.url, namespace=space, lease=3.0, grace=1.0)
    return Corner(settings, throw, kept)


@pytest.fixture(params=["redis", "rabbitmq"])
async def corner(request: pytest.FixtureRequest, new_postgres: Callable[[], str]) -> AsyncIterator[Corner]:
    if request.param == "redis":
        corner = await over_redis(new_postgres(), request.getfixturevalue("redis_corner"))
    else:
        corner = await over_rabbitmq(new_postgres(), request.getfixturevalue("rabbitmq"))
    async with corner.app, corner.app.worker():
        await (await corner.app.dispatch(living, 0)).result(timeout=PATIENCE)  # by now the queue is there
        yield corner


def lies_about(run: Any, position: int) -> Sealed:
    """Return a message that opens, of this position of a run."""
    message = new_message("live", workflow_id=run)
    return CODEC.seal(replace(message, headers=replace(message.headers, position=position)))


async def test_garbage_straight_from_a_stranger_is_kept_and_every_run_completes(corner: Corner):
    done = await corner.app.dispatch(living, 0)
    await done.result(timeout=PATIENCE)
    foreign, ahead, forged = (
        CODEC.seal(new_message("live")),
        lies_about(done.workflow_id, 7),
        lies_about(done.workflow_id, 1),
    )
    large = b"x" * (2 * KEPT_BYTES)
    garbage: list[tuple[bytes, str | None, Flaw]] = [
        (b"", None, Flaw.UNREADABLE),
        (b"\x00\xff no message", f"{uuid4()}:1", Flaw.UNREADABLE),
        (b'{"v":1,"b":"' + b"[" * 50_000 + b'"}', "deep", Flaw.UNREADABLE),
        (large, "large", Flaw.TOO_LARGE),
        (foreign.body, foreign.message_id, Flaw.UNKNOWN_RUN),
        (ahead.body, None, Flaw.AHEAD),
        (forged.body, forged.message_id, Flaw.ALTERED),
    ]

    runs = []
    for body, message_id, _ in garbage:
        await corner.throw(body, message_id)
        runs.append(await corner.app.dispatch(living, 1))

    for run in runs:
        assert (await run.result(timeout=PATIENCE)).output == 2
    letters = await eventually(lambda: corner.has(len(garbage)), within=PATIENCE)
    assert letters is not None
    expected = {body if flaw is not Flaw.TOO_LARGE else body[:65_536]: flaw for body, _, flaw in garbage}
    assert {body: letter.reason for body, letter in letters.items()} == expected
    assert {letter.topic for letter in letters.values()} == {"live"}
    await eventually(corner.is_empty, within=PATIENCE)
    assert await eventually(corner.kept, within=PATIENCE) == [large]
    assert (await done.result()).status is RunStatus.COMPLETED


async def test_what_a_stranger_repeats_is_one_letter(corner: Corner):
    for _ in range(50):
        await corner.throw(b"nonsense", None)

    async def all_came() -> bool:
        letters = await corner.letters()
        return bool(letters) and letters[b"nonsense"].count >= 50

    await eventually(all_came, within=PATIENCE)
    assert len(await corner.letters()) == 1
    assert (await (await corner.app.dispatch(living, 0)).result(timeout=PATIENCE)).output == 1


async def test_forgeries_of_every_pending_hop_change_nothing(corner: Corner):
    """Each comes before, between and after the true ones, under the true name."""
    runs = [await corner.app.dispatch(living, number) for number in range(20)]
    lies = [lies_about(run.workflow_id, position) for run in runs for position in (1, 2)]
    for lie in lies:
        await corner.throw(lie.body, lie.message_id)

    for number, run in enumerate(runs):
        assert (await run.result(timeout=PATIENCE)).output == number + 1
    letters = await eventually(lambda: corner.has(len(lies)), within=PATIENCE)
    assert letters is not None
    assert {letter.reason for letter in letters.values()} <= {Flaw.ALTERED, Flaw.AHEAD}
    await eventually(corner.is_empty, within=PATIENCE)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [pytest.param("redis", marks=pytest.mark.slow), "rabbitmq"])
async def test_a_step_that_kills_its_worker_is_set_aside_after_its_attempts_and_spares_the_others(
    kind: str, request: pytest.FixtureRequest, new_postgres: Callable[[], str], tmp_path: Path
):
    if kind == "redis":
        corner = await over_redis(new_postgres(), request.getfixturevalue("redis_corner"))
    else:
        corner = await over_rabbitmq(new_postgres(), request.getfixturevalue("rabbitmq"))
    (tmp_path / "handlers.py").write_text(HANDLERS, "utf-8")
    environment = os.environ | {
        "PAIGEANT_STORE": corner.settings.store,
        "PAIGEANT_TRANSPORT": corner.settings.transport or "",
        "PAIGEANT_NAMESPACE": corner.settings.namespace,
        "PAIGEANT_LEASE": "3",
    }

    async def keep_one_alive(stop: asyncio.Event) -> None:
        """Start a worker whenever there is none, as a supervisor does."""
        words = [sys.executable, "-m", "paigeant", "run", "handlers.py"]
        while not stop.is_set():
            process = await asyncio.create_subprocess_exec(
                *words, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            )
            dying, stopping = asyncio.create_task(process.wait()), asyncio.create_task(stop.wait())
            await asyncio.wait([dying, stopping], return_when=asyncio.FIRST_COMPLETED)
            stopping.cancel()
            if process.returncode is None:
                process.send_signal(signal.SIGTERM)
            await dying

    stop = asyncio.Event()
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(corner.app)
        registry_here = Workflow("killing", ["kill"]).plan
        corner.app.workflows["killing"] = registry_here
        supervisor = asyncio.create_task(keep_one_alive(stop))
        stack.callback(stop.set)

        async def served() -> bool:
            return await corner.app.store.find_served(["kill", "live"]) == {"kill", "live"}

        await eventually(served, within=PATIENCE)
        runs = [await corner.app.dispatch(living, number) for number in range(10)]
        poison = await corner.app.dispatch("killing", None)
        runs += [await corner.app.dispatch(living, number) for number in range(10, 20)]

        for number, run in enumerate(runs):
            assert (await run.result(timeout=60)).output == number + 1
        ended = await poison.result(timeout=60)
        stop.set()
        await supervisor

        assert ended.status is RunStatus.FAILED
        assert (tmp_path / "attempts").read_text() == "xxx"
        assert await corner.letters() == {}
