"""Of a long run the trunk is shown, and what is open or has failed; the rest is counted, and can be asked for."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from paigeant.app.views.parts import SHOWN, part_of
from paigeant.errors import InvalidInput
from paigeant.model.runs import Direction, NodeView, RunStatus, RunView, StepStatus, StepView

COMPLETED, FAILED, RUNNING = StepStatus.COMPLETED, StepStatus.FAILED, StepStatus.RUNNING


def step(path: str, position: int, status: StepStatus = COMPLETED) -> StepView:
    return StepView(
        path=path,
        position=position,
        step="score",
        direction=Direction.EXECUTE,
        status=status,
        attempt=1,
        idempotency_key=f"{path}:{position}",
    )


def run(*steps: StepView) -> RunView:
    node = NodeView(position=2, direction=Direction.EXECUTE, kind="for_each", name="lead", status=RUNNING)
    now = datetime(2030, 1, 1, tzinfo=UTC)
    about = {"workflow_id": uuid4(), "workflow": "w", "status": RunStatus.RUNNING, "created_at": now, "trace_id": ""}
    return RunView.model_validate({**about, "steps": steps, "nodes": (node,)})


def test_a_short_run_is_shown_whole():
    view = run(step("", 1), step("2.0", 1))

    assert part_of(view) is view
    assert view.steps_omitted == 0


def test_of_a_long_one_the_trunk_comes_first_and_what_is_open_or_has_failed():
    late = [step("2.2500", 1, FAILED), step("2.2600", 1, RUNNING), step("", 3)]
    view = run(step("", 1), *(step(f"2.{number}", 1) for number in range(2_500)), *late)

    shown = part_of(view)

    assert len(shown.steps) + len(shown.nodes) == SHOWN
    assert {(each.path, each.position) for each in (step("", 1), *late)} <= {
        (each.path, each.position) for each in shown.steps
    }
    assert shown.steps_omitted == len(view.journey) - SHOWN
    assert part_of(view, whole=True) is view


@pytest.mark.parametrize(
    ("path", "paths"),
    [
        ("2.1", {"2.1", "2.1/3.0"}),
        ("2", {"2.1", "2.1/3.0", "2.10"}),
        ("2.1/3", {"2.1/3.0"}),
        ("2.10", {"2.10"}),
    ],
)
def test_a_path_shows_a_branch_or_the_branches_of_a_node_with_all_within(path: str, paths: set[str]):
    view = run(step("", 1), step("2.1", 1), step("2.1/3.0", 1), step("2.10", 1))

    shown = part_of(view, path)

    assert ({each.path for each in shown.steps}, shown.nodes) == (paths, ())
    assert shown.steps_omitted == len(view.journey) - len(paths)


def test_a_path_on_which_there_is_nothing_is_an_error():
    with pytest.raises(InvalidInput, match=r"on the path '7\.1'"):
        part_of(run(step("", 1)), "7.1")
