"""A letter that is replayed comes to its run or comes back, and is dropped only if the store has its bytes."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from paigeant.engine.upkeep.replay import replay
from paigeant.errors import Unavailable
from paigeant.model.hops import Sealed
from paigeant.model.stored.dead_letters import KEPT_BYTES, DeadLetter, Fate, Flaw, RejectedMessage
from paigeant.testing.builders import CODEC, new_message
from paigeant.testing.waiting import eventually
from paigeant.transports.memory import MemoryTransport


@pytest.fixture
def broker(bench: Any) -> MemoryTransport:
    bench.transport = MemoryTransport()

    @bench.registry.execute
    async def step() -> str:
        return "done"

    return bench.transport


async def keep(bench: Any, body: bytes, message_id: str = "stranger") -> DeadLetter:
    misfit = RejectedMessage.of("step", message_id, body, Flaw.UNREADABLE, "no message of ours")
    assert await bench.steady.record_dead_letters([misfit]) == [True]
    return (await bench.steady.list_dead_letters()).dead_letters[0]


async def fate(bench: Any, letter: DeadLetter, patience: float = 0.0) -> Fate:
    [replayed] = await replay(bench.runtime(), [letter], patience)
    return replayed.fate


async def is_there(bench: Any) -> bool:
    return bool((await bench.steady.list_dead_letters()).dead_letters)


async def test_a_message_of_a_pending_hop_is_published_and_its_run_goes_on(bench: Any, broker: MemoryTransport):
    run = await bench.start("step")
    true = broker._broker.queues["step"].pop()
    letter = await keep(bench, true.body)

    assert await fate(bench, letter) is Fate.SENT

    assert not await is_there(bench)
    await bench.serve()
    assert (await bench.until(run, within=2)).output == "done"


async def test_a_message_of_a_hop_that_is_behind_is_dropped(bench: Any, broker: MemoryTransport):
    run = await bench.start("step")
    [true] = broker._broker.queues["step"]
    await bench.serve()
    await bench.until(run)

    assert await fate(bench, await keep(bench, true.body)) is Fate.PASSED

    assert not await is_there(bench)


@pytest.mark.parametrize("body", [b"nonsense", CODEC.seal(new_message("step", workflow_id=uuid4())).body])
async def test_what_is_still_no_message_of_a_run_comes_back_and_is_counted(
    bench: Any, broker: MemoryTransport, body: bytes
):
    letter = await keep(bench, body)
    await bench.serve()

    assert await fate(bench, letter, 5) is Fate.RETURNED

    assert (await bench.steady.get_dead_letter(letter.id)).count == 2


async def test_without_a_worker_it_stays_in_the_queue_and_with_the_dead_letters(bench: Any, broker: MemoryTransport):
    letter = await keep(bench, b"nonsense")

    assert await fate(bench, letter) is Fate.UNANSWERED

    assert (await broker.depth("step"), await is_there(bench)) == (1, True)


async def test_a_broker_that_takes_nothing_is_unavailable_and_the_letter_stays(
    bench: Any, monkeypatch: pytest.MonkeyPatch
):
    class Silent(MemoryTransport):
        async def publish(self, topic: str, message: Sealed) -> None:
            await asyncio.Event().wait()

    monkeypatch.setattr("paigeant.engine.upkeep.replay.PATIENCE", 0.05)
    bench.transport = Silent()
    letter = await keep(bench, b"nonsense")

    with pytest.raises(Unavailable, match=f"has not taken dead letter {letter.id} within"):
        await fate(bench, letter)

    assert await is_there(bench)


async def test_what_is_not_whole_is_not_published(bench: Any, broker: MemoryTransport):
    letter = await keep(bench, b"x" * (KEPT_BYTES + 1))

    assert await fate(bench, letter) is Fate.CUT

    assert (await broker.depth("step"), await is_there(bench)) == (0, True)


async def test_without_a_broker_it_is_said_where_a_letter_stands(bench: Any, broker: MemoryTransport):
    run = await bench.start("step")
    true = broker._broker.queues["step"].pop()
    bench.transport = None
    ours, stranger = await keep(bench, true.body), await keep(bench, b"nonsense")

    assert await fate(bench, ours) is Fate.QUEUED
    assert await fate(bench, stranger) is Fate.STUCK

    assert await is_there(bench)
    await bench.serve()
    await eventually(lambda: bench.until(run))
