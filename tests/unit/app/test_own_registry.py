"""A workflow runs with the activities that it names, wherever they are registered; a failed run is heard of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import ActivityRegistry, RunFailed, Terminal, Workflow, testing
from paigeant.errors import RegistrationError


@pytest.fixture(autouse=True)
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def own() -> ActivityRegistry:
    registry = ActivityRegistry()

    @registry.execute("double", timeout=30)
    def twice(n: int) -> int:
        return n * 2

    @registry.execute()
    def stop() -> None:
        raise Terminal("enough")

    return registry


async def test_functions_of_ones_own_registry_keep_their_names_and_options():
    registry = own()

    flow = Workflow("w", [registry["double"].execute.function])

    assert flow.registry["double"].execute.timeout == 30
    assert (await flow.run({"n": 4})).output == 8


async def test_their_compensations_come_along_though_they_are_declared_later():
    registry, undone = own(), []
    flow = Workflow("w", [registry[name].execute.function for name in ("double", "stop")])

    @registry.compensate("double")
    def halve(output: int) -> None:
        undone.append(output)

    result = await flow.run({"n": 4}, check=False)

    assert (result.status, undone) == ("compensated", [8])


async def test_an_agent_of_ones_own_registry_keeps_its_prompt():
    registry = ActivityRegistry()
    agent = Agent(TestModel(custom_output_text="x"), name="writer")
    registry.agent(agent, prompt="About {topic}")

    flow = Workflow("w", [agent])

    assert flow.registry["writer"].execute.signature.names == ("topic",)
    assert (await flow.run({"topic": "bees"})).output == "x"


async def test_names_are_looked_up_in_the_registry_that_is_given():
    assert (await Workflow("w", ["double"], activities=own()).run({"n": 3})).output == 6


def test_what_is_no_registry_is_refused():
    wrong: Any = {"double": 1}
    with pytest.raises(RegistrationError, match="it should be an ActivityRegistry"):
        Workflow("w", ["double"], activities=wrong)


def test_run_sync_raises_what_failed_with_its_traceback_unless_it_is_not_to_check():
    flow = Workflow("w", ["stop"], activities=own())

    with pytest.raises(RunFailed, match=r"failed at step 'stop': .*: enough; see: paigeant show") as caught:
        flow.run_sync({})
    assert "in stop" in caught.value.__notes__[0]
    assert flow.run_sync({}, check=False).status == "failed"


async def test_a_missing_argument_lists_inputs_outputs_and_variables_and_the_nearest():
    registry = own()

    @registry.execute()
    def last(dubble: int) -> int:
        return dubble

    async with testing.app(registry, workflows=[Workflow("w", ["double", "last"])]) as app:
        run = await app.dispatch("w", {"n": 4, "note": "x"})
        result = await run.result(10)

    assert result.error is not None
    there = "there is: double, n, note, payload, previous; did you mean 'double'?"
    assert result.error.message == f"step 'last': argument 'dubble' is missing; {there}"
