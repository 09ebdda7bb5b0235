"""What cannot be right about an agent, or about what it may spend, is one clear error at its line."""

from __future__ import annotations

from typing import Any

import pytest

HEAD = """
from paigeant import AgentOptions, ApprovalPolicy, Budget, Price, RevisionPolicy, Step, Workflow, activity
from pydantic_ai import Agent, FunctionToolset
from pydantic_ai.models.test import TestModel

model = TestModel()
"""
REFUSED = {
    "a = activity.agent(Agent(model))": "this agent has no name for its step: pass one, as Agent(…, name='writer')",
    "activity.agent(Agent(name='a'))": "agent 'a' has no model: give it one, as Agent('openai:gpt-5-mini', name='a')",
    "activity.agent(5)": "agent() takes an agent of pydantic-ai, not 5; register a function with @activity.execute()",
    "@activity.agent\ndef f(): ...": "not the function 'f'; register a function with @activity.execute()",
    "@activity.agent(prompt='x')\ndef f(): ...": "agent(writer); a function is registered with @activity.execute()",
    "activity.agent(Agent(model, name='a', toolsets=[FunctionToolset([len])]))": 'as FunctionToolset(id="search")',
    "activity.agent(Agent(model, name='a'), models={'fast': 5})": "models['fast'] is 5; it should be a model",
    "Price(input=-1, output=2)": "Price: input is -1; it should be US dollars a million tokens, from 0",
    "Price(input=1, output=float('nan'))": "Price: output is nan; it should be US dollars a million tokens, from 0",
    "Budget()": "Budget: it says nothing: give usd, tokens or both, as Budget(usd=0.5)",
    "Budget(usd=-1)": "Budget: usd is -1: input should be greater than 0",
    "Budget(usd=1, per='moon')": "Budget: per is 'moon': input should be 'run', 'step', 'tenant/day', 'workflow/day'",
    "ApprovalPolicy(timeout='soon')": "ApprovalPolicy: timeout is 'soon': 'soon' is no span of time",
    "ApprovalPolicy(on_timeout='wait')": "ApprovalPolicy: on_timeout is 'wait'; it is 'deny' or 'fault'",
}
FOUND = {
    "activity.agent(Agent(model, name='a'), models={'fast': model})\n"
    "w = Workflow('w', [Step('a', agent=AgentOptions(model='best'))])": "its agent has no model 'best'; there is: fast",
    "activity.agent(Agent(model, name='a'), keep_history=False)\nactivity.agent(Agent(model, name='b'), history='a')\n"
    "w = Workflow('w', ['a', 'b'])": "step 2 'b': it goes on from the history of 'a', which keeps none",
    "activity.agent(Agent(model, name='a'), can_revise=RevisionPolicy(allow=['b', 'shipp']))\n"
    "activity.execute('b')(lambda: 1)\nactivity.execute('ship')(lambda: 1)\n"
    "w = Workflow('w', ['a'], revision=RevisionPolicy())": "its can_revise names 'shipp', which is no activity "
    "here, and no worker has published it; did you mean 'ship'?",
    "activity.agent(Agent(model, name='a'), can_revise=RevisionPolicy(allow=['a']))\n"
    "w = Workflow('w', ['a'])": "no policy for that; give it one: Workflow(…, revision=RevisionPolicy())",
    "activity.agent(Agent(model, name='a'), can_revise=RevisionPolicy(allow=['a']))\n"
    "w = Workflow('w', ['a'], revision=RevisionPolicy(allow=['b']))": "its agent may add a, and the workflow's "
    "policy allows b; let both name what it may add",
}


@pytest.mark.parametrize("line", REFUSED)
def test_what_is_wrong_is_refused_at_its_line(project: Any, line: str):
    handlers = project.write("handlers.py", HEAD + line)

    ended = project.paigeant("check")

    assert (ended.returncode, ended.stdout) == (2, ""), ended.stderr
    assert ended.stderr.startswith(f"error: {handlers}:7: ")
    assert REFUSED[line] in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("lines", FOUND)
def test_what_does_not_go_together_is_found(project: Any, lines: str):
    project.write("handlers.py", HEAD + lines)

    ended = project.paigeant("check")

    assert ended.returncode == 1, ended.stderr
    assert FOUND[lines] in ended.stdout
