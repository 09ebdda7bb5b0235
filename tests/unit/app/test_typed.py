"""What a workflow declares is checked before anything is written, and what is wrong is said with its place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from pydantic import BaseModel

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.config import Settings
from paigeant.errors import InvalidInput, RegistrationError, ResultError


class Order(BaseModel):
    item: str
    amount: int = 1


registry = ActivityRegistry()


@registry.execute
async def number(amount: Any = None) -> str:
    return f"{amount}"


FLOW: Workflow[Order, int] = Workflow("flow", ["number"], input=Order, output=int)
PLAIN = Workflow("plain", ["number"])


@pytest.fixture
async def app() -> AsyncIterator[Paigeant]:
    async with Paigeant(registry, workflows=[FLOW, PLAIN], settings=Settings(store="memory://")) as app:
        yield app


async def test_data_that_the_type_validates_will_do(app: Paigeant):
    run = await app.dispatch("flow", {"item": "lamp", "amount": "2"})

    assert (await run.view()).input == {"item": "lamp", "amount": "2"}


@pytest.mark.parametrize("payload", [{}, {"item": "lamp", "amount": "two"}, "lamp", None, [1]])
async def test_what_it_does_not_is_refused(app: Paigeant, payload: Any):
    with pytest.raises(InvalidInput, match="not what workflow 'flow' declares"):
        await app.dispatch("flow", payload)

    assert (await app.runs()).runs == ()


@pytest.mark.parametrize("workflow", ["flow", "plain"])
async def test_of_many_inputs_the_bad_one_is_named_and_none_is_written(app: Paigeant, workflow: str):
    payloads: list[Any] = [{"item": "lamp"} for _ in range(600)]
    payloads[550] = {"item": object()}

    with pytest.raises(InvalidInput, match=r"^payloads\[550\]: the input") as caught:
        await app.dispatch_many(workflow, payloads)

    assert caught.value.index == 550
    assert caught.value.reason.startswith("the input")
    assert (await app.runs()).runs == ()


async def test_the_first_step_is_asked_before_the_first_run_is_written():
    own = ActivityRegistry()

    @own.execute
    async def double(n: int) -> int:
        return 2 * n

    async with Paigeant(own, workflows=[Workflow("w", ["double"])], settings=Settings(store="memory://")) as app:
        with pytest.raises(InvalidInput, match=r"^payloads\[501\]: step 'double': argument 'n' is invalid") as caught:
            await app.dispatch_many("w", [{"n": 1}] * 501 + [{"n": "one"}])

        assert caught.value.index == 501
        assert (await app.runs()).runs == ()


async def test_an_output_of_another_type_is_an_error_where_it_is_read(app: Paigeant):
    async with app.worker():
        run = await app.dispatch(FLOW, Order(item="lamp", amount=7))
        other = await app.dispatch("flow", {"item": "lamp", "amount": 1}, dispatch_key="b")
        await app.dispatch("plain", {"item": "lamp"})
        result = await run.result(timeout=10)
        assert result.output == 7
        await other.result(timeout=10)

    bad: Workflow[Order, list[str]] = Workflow("flow", ["number"], input=Order, output=list[str])
    async with Paigeant(registry, workflows=[bad], settings=Settings(store="memory://")) as other:
        async with other.worker():
            run = await other.dispatch(bad, Order(item="lamp"))
            result = await run.result(timeout=10)
        with pytest.raises(ResultError, match="does not declare: Input should be a valid array"):
            _ = result.output


async def test_runs_are_filtered_by_a_status_that_there_is(app: Paigeant):
    run = await app.dispatch(FLOW, Order(item="lamp"))

    assert [each.workflow_id for each in (await app.runs(status="pending", workflow="flow")).runs] == [run.workflow_id]
    assert (await app.runs(status="failed")).runs == ()
    with pytest.raises(InvalidInput, match="status is 'fail'; did you mean 'failed'"):
        await app.runs(status="fail")


async def test_a_run_shows_its_steps(app: Paigeant):
    async with app.worker():
        run = await app.dispatch(FLOW, Order(item="lamp"))
        await run.result(timeout=10)

    assert [(step.step, step.position, step.status) for step in await run.steps()] == [("number", 1, "completed")]


def test_a_type_that_is_none_is_refused_where_it_is_written():
    with pytest.raises(RegistrationError, match=r"test_typed.py:\d+: workflow 'w': input is 3.*should be a type"):
        Workflow("w", ["number"], input=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_two_workflows_of_a_name_with_other_types_are_two():
    same = Workflow("flow", ["number"], input=Order)

    with pytest.raises(RegistrationError, match="declared twice, differently"):
        Paigeant(registry, workflows=[FLOW, same], settings=Settings(store="memory://"))


async def test_what_must_go_wrong_is_a_warning_at_dispatch_and_at_the_start_of_a_worker(
    caplog: pytest.LogCaptureFixture,
):
    own = ActivityRegistry()

    @own.execute
    async def first(item: str) -> str:
        return item

    @own.execute
    async def second(frist: str) -> str:
        return frist

    flow = Workflow("flow", ["first", "second"], activities=own)
    async with Paigeant(own, workflows=[flow], settings=Settings(store="memory://")) as app:
        for _ in range(2):
            await app.dispatch("flow", {"item": "lamp"})
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == 1
        assert "step 2 'second': argument 'frist' is provided by nothing before it; did you mean 'first'?" in said[0]
        caplog.clear()

        await app.dispatch("flow", {"item": "lamp", "frist": "x"})
        assert not caplog.records

        async with app.worker():
            assert any("'frist'" in record.getMessage() for record in caplog.records)
