"""What a person is asked at a terminal can be answered with the commands that are printed there."""

from __future__ import annotations

import shlex
from typing import Any

HANDLERS = """
from paigeant import Workflow, activity
from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart, ToolCallPart
from pydantic_ai.models.function import AgentInfo, FunctionModel


def pay_then_tell(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    if len(messages) > 1:
        return ModelResponse(parts=[TextPart("told")])
    return ModelResponse(parts=[ToolCallPart("pay", {"eur": 5})])


clerk = Agent(FunctionModel(pay_then_tell), name="clerk")


@clerk.tool_plain(requires_approval=True)
def pay(eur: int) -> str:
    return f"paid {eur}"


activity.agent(clerk, prompt="Pay.")
paying = Workflow("paying", ["clerk"])
"""


def test_why_names_the_commands_that_answer(project: Any, until: Any):
    project.write("handlers.py", HANDLERS)
    project.worker()
    dispatched = project.process("dispatch", "paying")
    assert dispatched.returncode == 0, dispatched.stderr
    run = dispatched.stdout.strip()
    until(lambda: project.json("approvals", "list")["approvals"])

    said = project.paigeant("why", run).stdout
    [command] = [line.strip() for line in said.splitlines() if "approvals approve" in line]
    shown = project.paigeant("show", run).stdout
    answered = project.paigeant(*shlex.split(command)[1:])

    assert "paigeant approve " not in said
    assert "paigeant why" in shown
    assert answered.returncode == 0, answered.stderr
    until(lambda: project.json("show", run)["status"] == "completed")
