"""A timeline shows each hop from its begin to its end, in the order of the journey, whatever the store knows of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from paigeant.model.runs import NodeView, RunView, StepView
from paigeant.web.charts.timeline import MOST, Row, timeline_of

ZERO = datetime(2026, 1, 1, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return ZERO + timedelta(seconds=seconds)


def step(place: str, begin: float | None, end: float | None, status: str = "completed", **more: Any) -> StepView:
    path, _, position = place.rpartition(":")
    return StepView.model_validate(
        {
            "path": path,
            "position": int(position),
            "step": "pack",
            "direction": "execute",
            "status": status,
            "attempt": 1,
            "idempotency_key": "k",
            "started_at": None if begin is None else at(begin),
            "completed_at": None if end is None else at(end),
            **more,
        }
    )


def node(place: str, kind: str, status: str) -> NodeView:
    path, _, position = place.rpartition(":")
    return NodeView.model_validate(
        {"path": path, "position": int(position), "direction": "execute", "kind": kind, "name": kind, "status": status}
    )


def run(steps: list[StepView], nodes: list[NodeView], seconds: float = 10, **more: Any) -> RunView:
    return RunView.model_validate(
        {
            "workflow_id": uuid4(),
            "workflow": "w",
            "status": "completed",
            "created_at": ZERO,
            "completed_at": at(seconds),
            "trace_id": "0" * 32,
            "steps": steps,
            "nodes": nodes,
            **more,
        }
    )


def spans(rows: list[Row]) -> dict[str, tuple[float, float] | None]:
    """Return of each row its begin and end in seconds, of a run of ten."""
    return {
        row.place: None if row.bar is None else (row.bar.x / 100, round((row.bar.x + row.bar.width) / 100, 2))
        for row in rows
    }


def test_a_node_lasts_from_the_hop_before_it_to_the_last_of_its_branches():
    steps = [step("1", 0, 2), step("2.0:1", 3, 5), step("2.10:1", 3, 6), step("2.2:1", 3, 8), step("3", 9, 10)]
    timeline = timeline_of(run(steps, [node("2", "parallel", "completed")]))

    assert spans(timeline.rows) == {
        "1": (0, 2),
        "2": (2, 8),
        "2.0:1": (3, 5),
        "2.2:1": (3, 8),
        "2.10:1": (3, 6),
        "3": (9, 10),
    }
    assert [row.depth for row in timeline.rows] == [0, 0, 1, 1, 1, 0]
    assert (timeline.left_out, timeline.seconds) == (0, 10)


def test_a_wait_lasts_until_what_follows_it_and_one_that_is_open_until_now():
    steps = [step("1", 0, 1), step("3", 7, 8)]
    ended = timeline_of(run(steps, [node("2", "wait", "completed"), node("4", "sleep", "waiting")]))

    assert spans(ended.rows) == {"1": (0, 1), "2": (1, 7), "3": (7, 8), "4": (8, 10)}
    assert [row.took for row in ended.rows] == [1, 6, 1, None]


def test_a_step_that_has_not_begun_has_no_bar_and_a_short_one_can_be_seen():
    timeline = timeline_of(run([step("1", 1, 1), step("2", None, None, "pending")], []))

    assert [row.bar is None for row in timeline.rows] == [False, True]
    assert timeline.rows[0].bar is not None
    assert timeline.rows[0].bar.width >= 3


def test_what_failed_is_shown_first_of_many_and_alone_if_that_is_asked():
    steps = [
        step(f"1.{n}:1", 1, 2, "failed" if n == 500 else "completed", input={"n": n, "to": "x"}) for n in range(600)
    ]
    view = run(steps, [node("1", "for_each", "completed")], input={"to": "x"})
    every, failed = timeline_of(view), timeline_of(view, failed=True)

    assert len(every.rows) == MOST
    assert {"1", "1.500:1"} <= {row.place for row in every.rows}
    assert every.left_out == 601 - MOST
    assert [(row.place, row.told) for row in failed.rows] == [("1.500:1", {"n": 500})]
