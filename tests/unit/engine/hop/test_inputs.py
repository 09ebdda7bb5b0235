"""What a step was given is recorded by name, and what rests in the store already is not written again."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from paigeant import RunStatus
from paigeant.activities.binding import Sources
from paigeant.engine.hop.inputs import record_input
from paigeant.model.values.values import Ref, inline, shelve

LARGE, BLOB = shelve(to_json("x" * 10_000))
INPUT = to_json({"text": "x" * 10_000})


def sources(payload: Any = None) -> Sources:
    return Sources({}, {"payload": to_json(payload)}, {})


def test_the_first_source_that_has_a_name_wins_as_in_binding():
    recorded, blobs = record_input(["a"], ({"a": inline(1)}, {"a": inline(2)}), sources({"a": 3}))

    assert (recorded, blobs) == ({"a": inline(1)}, [])


def test_a_claim_check_is_recorded_as_it_came():
    assert record_input(["a"], ({"a": LARGE},), sources()) == ({"a": LARGE}, [])


def test_a_large_field_of_the_input_is_kept_as_a_value_of_its_own():
    recorded, blobs = record_input(["a"], (), sources({"a": "x" * 10_000}))

    assert recorded == {"a": LARGE}
    assert blobs == [BLOB]


def test_what_has_no_value_is_left_out():
    assert record_input(["a"], ({"b": inline(1)},), sources({"c": 1})) == ({}, [])


async def test_a_step_shows_what_it_was_given(both: Any):
    @both.registry.execute
    async def draft(topic: str, words: int = 100, ctx: Any = None) -> str:
        return "d" * words

    @both.registry.execute
    async def review(draft: str, topic: str) -> str:
        raise ValueError(draft[:1] + topic)

    await both.serve()
    run = await both.start("draft", "review", payload=b'{"topic": "tea", "words": 9999}')

    view = await both.until(run, RunStatus.FAILED, within=20)
    first, second = (step for step in view.steps if step.direction == "execute")
    assert first.input == {"topic": "tea", "words": 9999}
    assert second.input is not None
    assert second.input["topic"] == "tea"
    assert Ref.model_validate(second.input["draft"]).size == 10_001


async def test_a_large_input_is_read_only_by_a_step_that_asks_for_it(bench: Any):
    @bench.registry.execute
    async def first() -> int:
        return 1

    @bench.registry.execute
    async def second(previous: int) -> int:
        return previous

    @bench.registry.execute
    async def third(text: str) -> int:
        return len(text)

    await bench.serve()

    await bench.until(await bench.start("first", "second", payload=INPUT))
    assert bench.store.calls["load_values"] == 0
    view = await bench.until(await bench.start("third", payload=INPUT))

    assert (view.output, bench.store.calls["load_values"]) == (10_000, 1)


async def test_an_argument_that_is_missing_is_reported_with_all_that_there_is(bench: Any):
    @bench.registry.execute
    async def first() -> int:
        return 1

    @bench.registry.execute
    async def step(txet: str) -> None: ...

    await bench.serve()

    view = await bench.until(await bench.start("first", "step", payload=INPUT))

    assert "there is: first, payload, previous, text; did you mean 'text'?" in view.error.message
