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
    [asked] = project.json("show", run)["approvals"]
    wrong = [project.paigeant(*shlex.split(command)[1:], "--edit", text) for text in ("{eur", "5", "null")]
    elsewhere = project.paigeant("approvals", "approve", str(asked["id"]), PAIGEANT_NAMESPACE="elsewhere")
    unknown = project.paigeant("approvals", "show", "9" * 30)
    edited = project.paigeant(*shlex.split(command)[1:], "--edit", '{"eur": "many"}')
    until(lambda: [each["id"] for each in project.json("approvals", "list")["approvals"]] not in ([], [asked["id"]]))
    [again] = project.json("approvals", "list")["approvals"]
    listed = project.paigeant("approvals", "list").stdout
    of_edit = [project.paigeant(*words).stdout for words in (("approvals", "show", str(again["id"])), ("show", run))]
    answered = project.paigeant("approvals", "approve", str(again["id"]))

    assert "paigeant approve " not in said
    assert command in [line.strip() for line in shown.splitlines()]
    assert f"waiting: step 'clerk' waits for an approval; `{command}`" in shown
    assert "if the tool does not accept these, the step asks again" in edited.stderr
    assert "approval (edit refused)" in listed
    assert all("edited arguments" in text and "eur: Input should be a valid integer" in text for text in of_edit)
    assert (asked["tool"], asked["arguments"], asked["status"]) == ("pay", {"eur": 5}, "open")
    assert [each.returncode for each in (*wrong, elsewhere, unknown)] == [2] * 5
    assert "--edit is null: leave it out" in wrong[2].stderr
    assert f"no approval has the id {asked['id']}" in elsewhere.stderr
    assert "no approval has the id 999" in unknown.stderr
    assert "--edit is no JSON" in wrong[0].stderr
    assert "edited arguments are an object" in wrong[1].stderr
    assert answered.returncode == 0, answered.stderr
    until(lambda: project.json("show", run)["status"] == "completed")
    listed = project.paigeant("show", run, "--calls")
    calls = project.json("show", run, "--calls")["calls"]
    assert listed.returncode == 0, listed.stderr
    assert [call["name"] for call in calls] == ["prompt", "model.request", "pay", "model.request"]
    assert [line.split()[2] for line in listed.stdout.splitlines()[1:]] == [call["name"] for call in calls]
    [step] = project.json("show", run)["steps"]
    assert (step["usage"]["requests"], step["usage"]["usd"], step["epoch"]) == (2, None, 0)
    assert "2 model calls, 1 tool" in " ".join(project.paigeant("show", run).stdout.split())


def test_a_run_is_given_a_budget_as_it_is_dispatched(project: Any, until: Any):
    project.write("handlers.py", HANDLERS)
    project.worker()

    dispatched = project.process("dispatch", "paying", "--budget", '{"tokens": 1}', "--wait", "--json")
    budgets = project.json("cost", "--budgets")["budgets"]
    wrong = [
        project.paigeant("dispatch", "paying", "--budget", text) for text in ("-1", "much", '{"usd": 1, "per": "moon"}')
    ]

    assert dispatched.returncode == 1, dispatched.stderr
    assert "BudgetExceeded" in dispatched.stdout
    assert [(each["tokens"], each["spent_tokens"]) for each in budgets] == [(1, 0)]
    narrowed = [project.paigeant("cost", *words, "--budgets") for words in (("--last",), ("--by", "day"), ("01a2",))]
    assert {each.returncode for each in (*wrong, *narrowed)} == {2}
    assert "takes no --by" in narrowed[1].stderr
    assert "usd is -1: input should be greater than 0" in wrong[0].stderr
    assert "per is 'moon'" in " ".join(wrong[2].stderr.split())
