"""What a step was given is recorded by name, and what rests in the store already is not written again."""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json

from paigeant import RunStatus, Step
from paigeant.model.values.values import Ref

INPUT = to_json({"text": "x" * 10_000})


async def test_the_first_source_that_has_a_name_wins(bench: Any):
    @bench.registry.execute
    async def step(a: int, payload: dict[str, int]) -> int:
        return a + payload["a"]

    await bench.serve()
    run = await bench.start(Step("step", {"a": 1}), payload=b'{"a": 3, "payload": 4}')

    view = await bench.until(run)
    assert view.output == 4
    assert view.steps[0].input == {"a": 1, "payload": {"a": 3, "payload": 4}}


async def test_a_large_field_of_the_input_is_kept_as_a_value_of_its_own(bench: Any):
    @bench.registry.execute
    async def step(text: str) -> int:
        return len(text)

    await bench.serve()

    view = await bench.until(await bench.start("step", payload=INPUT))
    assert Ref.model_validate(view.steps[0].input["text"]).size == 10_002


async def test_what_has_no_value_is_left_out(bench: Any):
    @bench.registry.execute
    async def step(a: int = 1, c: int = 2) -> int:
        return a + c

    await bench.serve()

    view = await bench.until(await bench.start("step", payload=b'{"c": 5}'))
    assert (view.output, view.steps[0].input) == (6, {"c": 5})


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
