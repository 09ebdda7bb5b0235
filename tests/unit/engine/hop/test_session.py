"""What a step records is there for its next attempt; a step that lost its lease records nothing and goes no further."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from paigeant import ActivityContext, Parked, RetryPolicy, RunStatus
from paigeant.abc import Call, StepSession
from paigeant.activities.context import session_of
from paigeant.model.limits import VALUE_BYTES
from paigeant.model.spending.charges import Charge
from paigeant.testing.waiting import eventually

AT_ONCE = RetryPolicy(max_attempts=3, initial_delay=0.01)


def session(ctx: ActivityContext) -> StepSession:
    found = session_of(ctx)
    assert found is not None
    return found


def costing(key: str) -> Charge:
    return Charge(key, "openai", "gpt-5-mini", 100, 20, cost=Decimal("0.25"))


async def test_a_call_that_is_recorded_is_not_made_again_by_the_next_attempt(both: Any):
    calls: list[str] = []

    @both.registry.execute(retry=AT_ONCE)
    async def step(ctx: ActivityContext) -> list[str]:
        answers: list[str] = []
        for key in ("small", "large"):
            recorded = await session(ctx).recall(Call(key))
            if recorded is None:
                calls.append(key)
                json = b'"%s"' % (key.encode() * (10_000 if key == "large" else 1))
                recorded = await session(ctx).record(Call(key), json, charges=[costing(key)])
            answers.append(recorded.decode()[1:6])
        if ctx.attempt < 3:
            raise RuntimeError("again")
        return answers

    await both.serve()
    run = await both.start("step")
    view = await both.until(run)

    assert (view.output, view.steps[0].attempt) == (["small", "large"], 3)
    assert calls == ["small", "large"]
    assert [entry.charge for entry in await both.steady.read_ledger(run)] == [costing("small"), costing("large")]


async def test_a_call_in_another_event_loop_ends_with_that_loop(bench: Any):
    @bench.registry.execute
    def step(ctx: ActivityContext) -> str:
        async def within() -> str:
            session(ctx).outlast(asyncio.ensure_future(asyncio.sleep(600)), 600.0)
            return "done"

        return asyncio.run(within())

    await bench.serve()

    view = await bench.until(await bench.start("step"))

    assert (view.status, view.output) == (RunStatus.COMPLETED, "done")


async def test_the_first_to_record_is_who_counts(bench: Any):
    @bench.registry.execute
    async def step(ctx: ActivityContext) -> list[str]:
        together = (session(ctx).record(Call("key"), b'"%d"' % n) for n in range(3))
        return [json.decode() for json in await asyncio.gather(*together)]

    await bench.serve()
    view = await bench.until(await bench.start("step"))

    assert len(view.output) == 3
    assert len(set(view.output)) == 1


async def test_a_charge_is_counted_once(bench: Any):
    @bench.registry.execute(retry=AT_ONCE)
    async def step(ctx: ActivityContext) -> None:
        await session(ctx).record(Call("request"), b"1", charges=[costing("request")])
        if ctx.attempt < 2:
            raise RuntimeError("again")

    await bench.serve()
    run = await bench.start("step")
    await bench.until(run)

    assert [entry.charge.cost for entry in await bench.steady.read_ledger(run)] == [Decimal("0.25")]


async def test_a_step_that_lost_its_lease_records_nothing_and_goes_no_further(bench: Any):
    ended: list[str] = []

    @bench.registry.execute
    async def step(ctx: ActivityContext) -> None:
        await bench.steady.terminate(ctx.workflow_id)
        try:
            await session(ctx).record(Call("key"), b"1", charges=[costing("key")])
        except Exception:  # noqa: BLE001  (what a careless step would do)
            ended.append("taken for an error")
        except asyncio.CancelledError as error:
            ended.append(str(error))
            raise

    await bench.serve()
    run = await bench.start("step")
    await bench.until(run)

    async def has_ended() -> bool:
        return bool(ended)

    assert await eventually(has_ended)
    assert await bench.steady.read_ledger(run) == []
    [said] = ended
    assert "step 'step' is over" in said


@pytest.mark.parametrize("fate", ["away", "lost"])
async def test_a_checkpoint_waits_out_an_outage(bench: Any, fate: str):
    bench.store.fate = lambda name, n: fate if name in {"record_checkpoints", "load_checkpoints"} and n <= 2 else None

    @bench.registry.execute
    async def step(ctx: ActivityContext) -> str:
        assert await session(ctx).recall(Call("key")) is None
        return (await session(ctx).record(Call("key"), b"7", charges=[costing("key")])).decode()

    await bench.serve()
    run = await bench.start("step")
    view = await bench.until(run)

    assert (view.output, view.steps[0].attempt) == ("7", 1)
    assert len(await bench.steady.read_ledger(run)) == 1


async def test_a_step_that_asks_something_else_under_the_same_key_waits(bench: Any):
    @bench.registry.execute(retry=AT_ONCE)
    async def step(ctx: ActivityContext) -> None:
        call = Call("key", f"user-prompt:1 text:{ctx.attempt}", title="request 1")
        if await session(ctx).recall(call) is None:
            await session(ctx).record(call, b"1")
        raise RuntimeError("again")

    await bench.serve()
    view = await bench.until(await bench.start("step"), RunStatus.WAITING)

    assert view.reason.startswith("diverged: request 1 is not what was recorded: text differs; ")
    assert f"paigeant retry {view.workflow_id} --afresh" in view.reason


@pytest.mark.parametrize("code", ["careful", "careless"])
async def test_a_step_that_waits_from_within_comes_to_that_whatever_its_code_makes_of_it(bench: Any, code: str):
    @bench.registry.execute
    async def step(ctx: ActivityContext) -> str:
        try:
            session(ctx).wait(Parked("for a person"))
        except BaseException:  # what a careless step would do
            if code == "careful":
                raise
        return "done"

    await bench.serve()
    view = await bench.until(await bench.start("step"), RunStatus.WAITING)

    assert (view.reason, view.steps[0].attempt) == ("for a person", 0)


async def test_a_first_attempt_reads_nothing(bench: Any):
    @bench.registry.execute(retry=AT_ONCE)
    async def step(ctx: ActivityContext) -> None:
        await session(ctx).recall(Call("a"))
        await session(ctx).recall(Call("b"))
        if ctx.attempt == 1:
            assert bench.store.calls["load_checkpoints"] == 0
            raise RuntimeError("again")

    await bench.serve()
    await bench.until(await bench.start("step"))

    assert bench.store.calls["load_checkpoints"] == 1


async def test_what_is_recorded_meanwhile_goes_together(bench: Any):
    @bench.registry.execute
    async def step(ctx: ActivityContext) -> None:
        await asyncio.gather(*(session(ctx).record(Call(f"key {n}"), b"1") for n in range(50)))

    await bench.serve()
    await bench.until(await bench.start("step"))

    assert bench.store.calls["record_checkpoints"] <= 2


async def test_a_loop_in_a_thread_records_too(bench: Any):
    @bench.registry.execute
    def step(ctx: ActivityContext) -> str:
        return asyncio.run(session(ctx).record(Call("key"), b"7")).decode()

    await bench.serve()
    view = await bench.until(await bench.start("step"))

    assert view.output == "7"


@pytest.mark.parametrize(
    ("key", "json", "said"),
    [
        ("", b"1", "a checkpoint's key is 1 to 300 characters"),
        ("k" * 301, b"1", "a checkpoint's key is 1 to 300 characters"),
        ("a\nb", b"1", "none a control character"),
        ("key", b'"' + b"x" * VALUE_BYTES + b'"', "came to 16,777,218 bytes; at most 16,777,216 are recorded"),
        ("key", b"[" * 40 + b"]" * 40, "nests 40 levels deep; at most 32 are recorded"),
    ],
    ids=["no key", "long key", "control character", "too large", "too deep"],
)
async def test_what_cannot_be_recorded_is_refused(bench: Any, key: str, json: bytes, said: str):
    @bench.registry.execute
    async def step(ctx: ActivityContext) -> None:
        await session(ctx).record(Call(key), json)

    await bench.serve()
    view = await bench.until(await bench.start("step"))

    assert view.error.type == "paigeant.errors.ResultError"
    assert said in view.error.message


def test_a_context_made_by_hand_has_no_session():
    ctx = ActivityContext(uuid4(), "w", "step", uuid4(), 1, 1, "trace")

    assert session_of(ctx) is None
    ctx.heartbeat("fine")
