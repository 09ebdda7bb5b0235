"""``paigeant check`` says what must go wrong, as lines or JSON, and makes nothing."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]

FLAWED = """
from paigeant import Workflow, activity

@activity.execute
def greet(name: str) -> str:
    return name

@activity.execute
def sign(greeet: str) -> str:
    return greeet

hello = Workflow("hello", ["greet", "sign"])
"""


def test_what_init_makes_and_the_example_have_no_flaw(project: Any):
    for command in (("check", "handlers.py"), ("check", str(ROOT / "examples/support_desk/handlers.py"))):
        ended = project.paigeant(*command)
        assert (ended.returncode, ended.stdout) == (0, ""), ended.stderr + ended.stdout
        assert "nothing to fix" in ended.stderr


def test_a_flaw_is_a_line_with_its_place_and_exit_code_1(project: Any):
    project.write("flawed.py", FLAWED)

    ended = project.paigeant("check", "flawed.py")

    assert ended.returncode == 1
    assert ended.stdout.startswith("flawed.py:8: workflow 'hello', step 2 'sign': argument 'greeet' is provided by")
    assert "did you mean 'greet'?" in ended.stdout
    [flaw] = json.loads(project.paigeant("check", "flawed.py", "--json").stdout)["flaws"]
    assert (flaw["rule"], flaw["step"], flaw["position"]) == ("missing-argument", "sign", 2)
    assert not (project.folder / ".paigeant").exists()
