"""The planner of the examples does what its README says, whichever model plans."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.provider import serving, tools

EXAMPLE = Path(__file__).parents[2] / "examples" / "planner"


def demo(folder: Path, *wish: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PAIGEANT_")}
    return subprocess.run(
        [sys.executable, folder / "demo.py", *wish],
        env=environment | more,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )


@pytest.fixture
def planner(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLE, tmp_path / "planner", ignore=shutil.ignore_patterns(".paigeant")))


def test_a_wish_becomes_an_itinerary_that_runs(planner: Path):
    ended = demo(planner)

    assert ended.returncode == 0, ended.stderr
    first, *rest = ended.stdout.splitlines()
    days = "boat > dinner > museum > dinner > boat > dinner"
    assert first == f"completed: planner > train > hotel > {days} > sum_up"
    assert [line.strip() for line in rest if "day 2" in line] == [
        "day 2: the museum of the city",
        "day 2: dinner in Lisbon",
    ]


def test_what_a_failed_trip_has_booked_is_cancelled(planner: Path):
    ended = demo(planner, "One day in Atlantis")

    assert ended.returncode == 1
    assert "dinner > undo hotel > undo train" in ended.stdout
    assert "cancelled: 1 nights in Atlantis" in ended.stdout
    assert "returned: a train to Atlantis" in ended.stdout


def test_a_real_model_plans_if_one_is_named_and_is_told_what_it_may_not(planner: Path):
    def plans(turn: int, asked: list[Any]) -> Any:
        steps: list[dict[str, Any]] = [
            {"activity": "rocket", "arguments": {}},
            {"activity": "museum", "arguments": {"day": 1, "about": "tea"}},
        ]
        if turn < 2:
            return tools(("change_plan", {"insert": steps[turn:]}), turn=turn)
        return tools(("final_result", {"title": "Tea", "why": str(len(asked))}), turn=turn)

    with serving() as provider:
        provider.scripts["planner"] = plans
        ended = demo(planner, "tea", PAIGEANT_DEMO_MODEL=f"{provider.url}#planner")
        bill = list(provider.bill)

    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.startswith("completed: planner > museum > sum_up\n")
    assert "day 1: the museum of tea" in ended.stdout
    assert len(bill) == 3
