"""The line of a step is the same, whether it is written quickly, from texts that both of its lines share, or slowly."""

from __future__ import annotations

import json
from typing import Any, ClassVar

import pytest

from paigeant import ActivityRegistry, RetryPolicy, Step, Workflow
from paigeant.abc import Hooks
from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.model.events import Event, StepBegan, StepEnded
from paigeant.telemetry.lines import json_line, json_lines
from paigeant.telemetry.logs import _outcome_fields
from paigeant.telemetry.step_context import StepContext
from paigeant.telemetry.step_lines import CommonTexts, StepLine, level_name, timestamp


class Seen(Hooks):
    """Makes the lines of what happens."""

    wanted_events: ClassVar[Any] = (StepBegan, StepEnded)

    def __init__(self) -> None:
        self.lines: list[StepLine] = []

    def on_event(self, event: Event) -> None:
        """Make one line."""
        match event:
            case StepBegan():
                self.lines.append(StepLine(event.leased, event.worker, 20, "step began", {}))
            case StepEnded():
                self.lines.append(StepLine(event.leased, event.worker, 20, "step ended", _outcome_fields(event)))
            case _:
                pass


async def lines_of(
    workflow: str = "order", *, correlation: str | None = None, namespace: str = "here"
) -> list[StepLine]:
    """Run two steps, of which one is tried again, and return their lines."""
    registry, seen, tried = ActivityRegistry(), Seen(), list[int]()

    @registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.001))
    async def charge() -> None:
        tried.append(1)
        if len(tried) == 1:
            raise ValueError("postgresql://joe:hunter2@db refuses")

    @registry.execute()
    async def receipt() -> str:
        return "paid"

    plan = Workflow(workflow, ["charge", Step("receipt")])
    settings = Settings(store="memory://", namespace=namespace)
    app = Paigeant(registry, workflows=[plan], settings=settings, hooks=[StepContext(namespace=namespace), seen])
    async with app, app.worker():
        await (await app.dispatch(workflow, {}, correlation_id=correlation)).result(20)
    return seen.lines


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"workflow": "order-2.b_C"},
        {"workflow": "sk-0123456789abcdefXYZ"},
        {"correlation": "request 17"},
        {"correlation": 'a "quoted" \\ one'},
        {"correlation": "Zoë \u202e\u2066"},
        {"correlation": "https://me:hunter2@shop/17"},
        {"correlation": "Bearer 0123456789abcdef"},
        {"correlation": "sk-0123456789abcdefXYZ"},
        {"correlation": "abc/17"},
    ],
    ids=str,
)
async def test_a_line_is_the_same_either_way(given: dict[str, str]):
    lines = await lines_of(**given)
    texts: CommonTexts = {}

    assert len(lines) == 6
    for line in lines:
        slowly = json_line(line.fields())
        quickly = line.json(texts)
        assert quickly in {slowly, None}
        assert json_lines([line]) == f"{slowly}\n"
        assert json.loads(slowly).keys() == line.fields().keys()
        assert "hunter2" not in slowly
        assert "0123456789abcdef" not in slowly


async def test_most_lines_are_written_quickly():
    texts: CommonTexts = {}
    lines = await lines_of(correlation="0af7651916cd43dd8448eb211c80319c")

    ways = [line.json(texts) is not None for line in lines]

    assert ways == [True, False, True, True, True, True]  # an error may hold anything
    assert len(texts) == 3  # one for both lines of an execution


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (0, "1970-01-01T00:00:00.000000Z"),
        (1_800_000_000_250_000_000, "2027-01-15T08:00:00.250000Z"),
        (1_800_000_000_999_999_999, "2027-01-15T08:00:00.999999Z"),
    ],
)
def test_a_time_is_in_utc_with_microseconds(at: int, said: str):
    assert timestamp(at) == said


def test_levels_have_their_usual_names():
    assert [level_name(level) for level in (10, 20, 30, 40, 50, 35)] == [
        "debug",
        "info",
        "warning",
        "error",
        "critical",
        "level 35",
    ]
