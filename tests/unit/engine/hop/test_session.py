"""What a step records is there for its next attempt; a step that lost its lease records nothing and goes no further."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any
from uuid import uuid4

import pytest

from paigeant import ActivityContext, RetryPolicy
from paigeant.abc import StepSession
from paigeant.activities.context import session_of
from paigeant.model.limits import VALUE_BYTES
from paigeant.model.stored.checkpoints import Charge

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
            recorded = await session(ctx).recall(key)
            if recorded is None:
                calls.append(key)
                json = b'"%s"' % (key.encode() * (10_000 if key == "large" else 1))
                recorded = await session(ctx).checkpoint(key, json, charge=costing(key))
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


async def test_the_first_to_record_is_who_counts(bench: Any):
    @bench.registry.execute
    async def step(ctx: ActivityContext) -> list[str]:
        together = (session(ctx).checkpoint("key", b'"%d"' % n) for n in range(3))
        return [json.decode() for json in await asyncio.gather(*together)]

    await bench.serve()
    view = await bench.until(await bench.start("step"))

    assert len(view.output) == 3
    assert len(set(view.output)) == 1


async def test_a_charge_is_counted_once(bench: Any):
    @bench.registry.execute(retry=AT_ONCE)
    async def step(ctx: ActivityContext) -> None:
        await session(ctx).charge(costing("request"))
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
            await session(ctx).checkpoint("key", b"1", charge=costing("key"))
        except Exception:  # noqa: BLE001  (what a careless step would do)
            ended.append("taken for an error")
        except asyncio.CancelledError as error:
            ended.append(str(error))
            raise

    await bench.serve()
    run = await bench.start("step")
    await bench.until(run)

    assert await bench.steady.read_ledger(run) == []
    [said] = ended
    assert "step 'step' is over" in said


@pytest.mark.parametrize("fate", ["away", "lost"])
async def test_a_checkpoint_waits_out_an_outage(bench: Any, fate: str):
    bench.store.fate = lambda name, n: fate if name in {"record", "load_checkpoints"} and n <= 2 else None

    @bench.registry.execute
    async def step(ctx: ActivityContext) -> str:
        assert await session(ctx).recall("key") is None
        return (await session(ctx).checkpoint("key", b"7", charge=costing("key"))).decode()

    await bench.serve()
    run = await bench.start("step")
    view = await bench.until(run)

    assert (view.output, view.steps[0].attempt) == ("7", 1)
    assert len(await bench.steady.read_ledger(run)) == 1


async def test_a_step_that_asks_something_else_under_the_same_key_fails_for_good(bench: Any):
    @bench.registry.execute(retry=AT_ONCE)
    async def step(ctx: ActivityContext) -> None:
        asked = f"question {ctx.attempt}"
        if await session(ctx).recall("key", asked) is None:
            await session(ctx).checkpoint("key", b"1", fingerprint=asked)
        raise RuntimeError("again")

    await bench.serve()
    view = await bench.until(await bench.start("step"))

    assert (view.error.type, view.steps[0].attempt) == ("paigeant.errors.ResultError", 2)
    assert "recorded for something else: fingerprint 'question 1', not 'question 2'" in view.error.message


@pytest.mark.parametrize(
    ("key", "json", "said"),
    [
        ("", b"1", "a checkpoint's key is 1 to 1,000 characters"),
        ("k" * 1_001, b"1", "a checkpoint's key is 1 to 1,000 characters"),
        ("a\nb", b"1", "none a control character"),
        ("key", b'"' + b"x" * VALUE_BYTES + b'"', "at most 16,777,216 are allowed"),
        ("key", b"[" * 40 + b"]" * 40, "nests 40 levels deep; at most 32 are allowed"),
    ],
    ids=["no key", "long key", "control character", "too large", "too deep"],
)
async def test_what_cannot_be_recorded_is_refused(bench: Any, key: str, json: bytes, said: str):
    @bench.registry.execute
    async def step(ctx: ActivityContext) -> None:
        await session(ctx).checkpoint(key, json)

    await bench.serve()
    view = await bench.until(await bench.start("step"))

    assert view.error.type == "paigeant.errors.ResultError"
    assert said in view.error.message


def test_a_context_made_by_hand_has_no_session():
    ctx = ActivityContext(uuid4(), "w", "step", uuid4(), 1, 1, "trace")

    assert session_of(ctx) is None
    ctx.heartbeat("fine")
