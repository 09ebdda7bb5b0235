"""What a broker brings is leased as it gathers; what is no message of a run is kept; and neither holds up the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from paigeant import RunStatus
from paigeant.abc import Delivery
from paigeant.engine.intake import drought
from paigeant.errors import ConfigError, Unavailable
from paigeant.model.events import SetAside
from paigeant.model.hops import Grant, Sealed
from paigeant.model.stored.claims import Announced, Due
from paigeant.model.stored.dead_letters import KEPT_BYTES, DeadLetter, Flaw
from paigeant.testing.builders import CODEC, new_message
from paigeant.testing.waiting import eventually
from paigeant.transports.memory import MemoryTransport

RUNS = 100
NOBODY = UUID(int=7)
"""The id of no run. The same in every process, or tests that run in several could not be distinguished."""


class Shaky(MemoryTransport):
    """A broker whose settling fails as often as it is asked to, and that counts what it has given out."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = 0
        self.out: set[str] = set()
        self.most = 0

    async def subscribe(self, topics: Any) -> AsyncGenerator[Delivery, None]:
        async with aclosing(super().subscribe(topics)) as deliveries:
            async for delivery in deliveries:
                self.out.add(delivery.message_id)
                self.most = max(self.most, len(self.out))
                yield delivery

    async def ack(self, message_id: str) -> None:
        await self.settle(message_id)
        await super().ack(message_id)

    async def reject(self, message_id: str, reason: str) -> None:
        await self.settle(message_id)
        await super().reject(message_id, reason)

    async def settle(self, message_id: str) -> None:
        await asyncio.sleep(0)
        if self.fails:
            self.fails -= 1
            raise Unavailable("no answer")
        self.out.discard(message_id)


@pytest.fixture
def broker(bench: Any) -> Shaky:
    bench.transport = Shaky()

    @bench.registry.execute
    async def step() -> str:
        return "done"

    @bench.registry.execute
    async def other() -> str:
        return "done"

    return bench.transport


async def letters(bench: Any) -> list[DeadLetter]:
    return list((await bench.steady.list_dead_letters(limit=1000)).dead_letters)


async def one_letter(bench: Any) -> DeadLetter:
    [letter] = await eventually(lambda: letters(bench))
    return letter


async def put(broker: Shaky, body: bytes, message_id: str = "stranger", topic: str = "step") -> None:
    await broker.publish(topic, Sealed(message_id, topic, body))


def forged(workflow_id: UUID | None = None, position: int = 1, path: str = "") -> Sealed:
    """Return a message that opens, of a hop that nobody recorded."""
    message = new_message("step", workflow_id=workflow_id or uuid4())
    return CODEC.seal(replace(message, headers=replace(message.headers, position=position, path=path)))


# -- together


async def test_what_gathers_is_leased_together(bench: Any, broker: Shaky):
    runs = [await bench.start("step") for _ in range(RUNS)]

    await bench.serve(concurrency=RUNS)
    for run in runs:
        assert (await bench.until(run)).output == "done"

    assert bench.store.calls["claim Announced"] < RUNS / 5
    assert bench.store.calls["find_notice_status"] == 0


async def test_a_message_that_a_claim_passed_over_is_leased_a_moment_later(bench: Any, broker: Shaky):
    """Not when it is announced again, which is seconds later at first, and minutes if that happens again and again."""
    lease, passes = bench.store.claim, 3

    async def claim(owner: str, what: Any, limit: int, length: timedelta) -> list[Grant]:
        nonlocal passes
        if isinstance(what, Announced) and passes:
            passes -= 1
            return []
        return await lease(owner, what, limit, length)

    bench.store.claim = claim
    run = await bench.start("step")
    await bench.serve()

    assert (await bench.until(run, within=2)).output == "done"
    assert passes == 0
    await eventually(lambda: asyncio.sleep(0, not broker.out))


async def test_what_the_broker_has_lost_is_taken_from_the_store_by_who_is_given_nothing(
    bench: Any, broker: Shaky, monkeypatch: pytest.MonkeyPatch
):
    """A twin that waited for long is announced seldom: minutes may pass until a lost message is sent again."""
    monkeypatch.setattr(drought, "DRY", 0.1)
    broker.lose = 1.0
    run = await bench.start("step", "other")
    broker.lose = 0.0
    [hop] = bench.steady._rows.twins.values()
    hop.hints, hop.hint_at = 6, hop.hint_at + timedelta(minutes=4)

    await bench.serve()

    assert (await bench.until(run, within=5)).output == "done"


async def test_what_a_broker_that_refuses_everything_does_not_give_is_taken_from_the_store(
    bench: Any, broker: Shaky, monkeypatch: pytest.MonkeyPatch
):
    async def refuse(topics: Any) -> AsyncGenerator[Delivery, None]:
        raise ConfigError("you may not read here")
        yield

    monkeypatch.setattr(drought, "DRY", 0.3)
    monkeypatch.setattr(broker, "subscribe", refuse)
    runs = [await bench.start("step", "other") for _ in range(10)]

    await bench.serve(concurrency=2)
    for run in runs:  # a worker that finds as many as it can run looks again at once
        assert (await bench.until(run, within=2)).output == "done"


async def test_who_is_given_something_all_the_time_looks_nowhere_else(
    bench: Any, broker: Shaky, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(drought, "DRY", 0.3)
    await bench.serve()

    for _ in range(10):
        await bench.until(await bench.start("step"))
        await asyncio.sleep(0.05)

    assert bench.store.calls["claim Due"] == 0


async def test_no_more_is_asked_of_the_broker_than_could_be_leased(bench: Any, broker: Shaky):
    go = asyncio.Event()

    @bench.registry.execute(concurrency=2)
    async def slow() -> None:
        await go.wait()

    runs = [await bench.start("slow") for _ in range(10)]
    await bench.serve(concurrency=4)

    async def two_run() -> bool:
        views = [await bench.view(run) for run in runs]
        return sum(view.status is RunStatus.RUNNING for view in views) == 2

    await eventually(two_run)
    await eventually(lambda: asyncio.sleep(0, not broker.out))
    assert broker.most <= 2
    assert await broker.depth("slow") == 8
    go.set()
    for run in runs:
        await bench.until(run)


async def test_an_acknowledgement_that_fails_is_repeated_and_holds_up_nothing(bench: Any, broker: Shaky):
    broker.fails = 5
    runs = [await bench.start("step") for _ in range(5)]

    await bench.serve()
    for run in runs:
        await bench.until(run)

    await eventually(lambda: asyncio.sleep(0, not broker.out))
    assert any("settling" in trouble for trouble in bench.hooks.troubles())


async def test_what_is_in_hand_when_the_worker_stops_goes_back(bench: Any, broker: Shaky):
    bench.store.fate = lambda name, _: "away" if name == "claim Announced" else None
    runs = [await bench.start("step") for _ in range(5)]
    async with asyncio.timeout(10):
        async with bench.worker():
            await eventually(lambda: asyncio.sleep(0, len(broker.out) == 5))

    assert await broker.depth("step") == 5
    bench.store.fate = lambda *_: None
    await bench.serve()
    for run in runs:
        await bench.until(run)


async def test_what_is_in_hand_is_kept_while_the_store_is_away_and_not_asked_for_again(bench: Any, broker: Shaky):
    bench.store.fate = lambda name, n: "away" if name == "claim Announced" and n < 4 else None
    run = await bench.start("step")
    subscriptions = []
    subscribe = broker.subscribe

    def count(topics: Any) -> Any:
        subscriptions.append(topics)
        return subscribe(topics)

    broker.subscribe = count
    await bench.serve()

    assert (await bench.until(run)).output == "done"
    assert sorted(map(len, subscriptions)) == [1, len(bench.registry)]  # the nodes', and the steps'


# -- what is no message of a run


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", Flaw.UNREADABLE),
        (b"\x00\xff\x00", Flaw.UNREADABLE),
        (b'{"v":1,"b":"{}"}', Flaw.UNREADABLE),
        (b'{"v":1,"b":"' + b"[" * 100_000 + b'"}', Flaw.UNREADABLE),
        (b"[" * 500_000, Flaw.UNREADABLE),
        (b"x" * (2 * KEPT_BYTES), Flaw.TOO_LARGE),
    ],
    ids=["empty", "binary", "hollow", "deep in its frame", "deep", "large"],
)
async def test_what_does_not_open_is_kept_and_its_neighbours_go_on(
    bench: Any, broker: Shaky, body: bytes, reason: Flaw
):
    before = await bench.start("step")
    await put(broker, body)
    after = await bench.start("step")

    await bench.serve()

    for run in (before, after):
        assert (await bench.until(run)).output == "done"
    letter = await one_letter(bench)
    assert (letter.reason, letter.size, letter.message_id, letter.topic) == (reason, len(body), "stranger", "step")
    assert body.startswith(letter.body)
    await eventually(lambda: asyncio.sleep(0, not broker.out))
    assert [dead.delivery.body for dead in broker.dead_letters] == ([body] if reason is Flaw.TOO_LARGE else [])
    assert [event.rejected.reason for event in bench.hooks.events if isinstance(event, SetAside)] == [reason]


@pytest.mark.parametrize("name", ["\x00", "x" * 100_000, "\ud800", f"{NOBODY}:{2**63}", f"{NOBODY}:\x00:1", "", ":"])
async def test_no_name_of_a_message_stops_the_intake(bench: Any, broker: Shaky, name: str):
    await put(broker, b"nonsense", name)
    run = await bench.start("step")

    await bench.serve()

    assert (await bench.until(run)).output == "done"
    assert (await one_letter(bench)).reason is Flaw.UNREADABLE


@pytest.mark.parametrize("hop", [{"position": 2**63}, {"position": 0}, {"path": "a\x00b"}, {"path": "x" * 5000}])
async def test_a_hop_that_no_store_could_look_for_does_not_open(bench: Any, broker: Shaky, hop: Any):
    await broker.publish("step", forged(**hop))
    run = await bench.start("step")

    await bench.serve()

    assert (await bench.until(run)).output == "done"
    assert (await one_letter(bench)).reason is Flaw.UNREADABLE


async def test_a_message_of_an_unknown_run_or_position_is_kept_with_that_reason(bench: Any, broker: Shaky):
    run = await bench.start("step")
    ahead, unknown = forged(run, 7), forged()
    await broker.publish("step", ahead)
    await broker.publish("step", unknown)

    await bench.serve()

    assert (await bench.until(run)).output == "done"
    found = await eventually(lambda: _when(letters(bench), 2))
    assert {letter.body: letter.reason for letter in found} == {
        ahead.body: Flaw.AHEAD,
        unknown.body: Flaw.UNKNOWN_RUN,
    }


async def test_a_forged_message_is_kept_and_its_run_goes_on_from_its_twin(bench: Any, broker: Shaky):
    run = await bench.start("step", "other")
    lie = forged(run)
    for _ in range(3):
        await broker.publish("step", lie)

    await bench.serve()

    assert [step.output for step in (await bench.until(run)).steps] == ["done", "done"]
    letter = await one_letter(bench)
    assert (letter.reason, letter.body) == (Flaw.ALTERED, lie.body)


async def test_duplicates_and_what_has_passed_are_no_dead_letters(bench: Any, broker: Shaky):
    run = await bench.start("step", "other")
    [copy] = broker._broker.queues["step"]
    await bench.serve()
    await bench.until(run)

    for _ in range(3):
        broker._broker.put(copy)

    await eventually(lambda: _when(broker.depth("step"), 0))
    await eventually(lambda: asyncio.sleep(0, not broker.out))
    assert bench.store.calls["find_notice_status"] >= 1
    assert await letters(bench) == []


@pytest.mark.parametrize("name", ["no id", f"{NOBODY}:1"])
async def test_a_true_message_under_a_wrong_name_is_leased_by_what_its_bytes_say(bench: Any, broker: Shaky, name: str):
    run = await bench.start("step")
    true = broker._broker.queues["step"].pop()
    await put(broker, true.body, name)

    await bench.serve()

    assert (await bench.until(run, within=2)).output == "done"
    assert await letters(bench) == []


async def test_a_true_message_in_the_wrong_queue_costs_no_attempt(bench: Any, broker: Shaky):
    run = await bench.start("other")
    true = broker._broker.queues["other"].pop()
    await put(broker, true.body, true.message_id, "step")
    worker = bench.worker(topics=("step",))

    async with worker:
        await eventually(lambda: asyncio.sleep(0, bench.store.calls["release"] > 0))

    [step] = (await bench.view(run)).steps
    assert (step.status, step.attempt) == ("pending", 0)
    slots = worker._slots
    assert slots._free == 32
    await bench.serve()
    assert (await bench.until(run)).output == "done"


@pytest.mark.parametrize("call", ["claim Announced", "find_notice_status", "record_dead_letters"])
@pytest.mark.parametrize("fate", ["away", "lost"])
async def test_nothing_is_settled_that_the_store_has_not_heard_of(bench: Any, broker: Shaky, call: str, fate: str):
    failures = 3
    bench.store.fate = lambda name, n: fate if name == call and n <= failures else None
    await broker.publish("step", forged())
    settled_at = []
    settle = broker.settle

    async def note(message_id: str) -> None:
        settled_at.append(await letters(bench))
        await settle(message_id)

    broker.settle = note
    await bench.serve()

    assert (await one_letter(bench)).reason is Flaw.UNKNOWN_RUN
    await eventually(lambda: asyncio.sleep(0, not broker.out))
    assert bench.store.failed[call] == failures
    assert all(settled_at)


async def test_what_the_store_cannot_keep_the_broker_keeps(bench: Any, broker: Shaky, monkeypatch: Any):
    async def refuse(rejected_messages: Any) -> Any:
        if any(b"!" in rejected.body for rejected in rejected_messages):
            raise ValueError("no such column")
        return [b"?" not in rejected.body for rejected in rejected_messages]

    monkeypatch.setattr(bench.store, "record_dead_letters", refuse)
    for body in (b"nonsense", b"nonsense!", b"nonsense?"):
        await put(broker, body, body.decode())
    await bench.serve()

    await eventually(lambda: asyncio.sleep(0, len(broker.dead_letters) == 2))
    assert {dead.delivery.body for dead in broker.dead_letters} == {b"nonsense!", b"nonsense?"}
    await eventually(lambda: asyncio.sleep(0, not broker.out))


async def test_a_flood_of_garbage_leaves_its_neighbours_their_turn(bench: Any, broker: Shaky):
    for number in range(500):
        await put(broker, b"%d" % number, f"stranger-{number}")
    runs = [await bench.start("step") for _ in range(20)]

    await bench.serve(concurrency=8)

    for run in runs:
        assert (await bench.until(run)).output == "done"
    assert len(await eventually(lambda: _when(letters(bench), 500))) == 500


async def test_a_step_that_kills_its_lease_each_time_is_set_aside_after_its_attempts(bench: Any, broker: Shaky):
    """A worker that dies is a lease that runs out; here, one that nobody keeps."""
    bench.lease = timedelta(seconds=0.2)
    run, neighbour = await bench.start("step"), await bench.start("other")
    for _ in range(3):
        await eventually(lambda: bench.steady.claim("dead", Due(["step"]), 1, timedelta(seconds=0.05)))
    await asyncio.sleep(0.05)

    await bench.serve()

    view = await bench.until(run)
    assert (view.status, view.error.type if view.error else "") == (RunStatus.FAILED, "Interrupted")
    assert "attempt 3" in (view.error.message if view.error else "")
    assert (await bench.until(neighbour)).output == "done"
    assert await letters(bench) == []


async def _when(asked: Any, wanted: int) -> Any:
    """Return the answer once it is, or has, so many."""
    answer = await asked
    if isinstance(answer, int):
        return answer == wanted
    return answer if len(answer) == wanted else None
