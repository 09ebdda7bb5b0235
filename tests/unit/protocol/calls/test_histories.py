"""A step sees the histories of what lies behind it, and of nothing that runs beside it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from paigeant.model.calls.histories import HistoryHead
from paigeant.protocol.calls.histories import seen


def head(place: str, step: str = "ask", name: str | None = None) -> HistoryHead:
    path, _, position = place.rpartition(":")
    return HistoryHead(step, name, path, int(position), "2.68.0", 10, kept=True, at=datetime(2026, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize(
    ("there", "at", "found"),
    [
        (["1"], "2", ["1"]),
        (["1", "2"], "4", ["2"]),
        (["2"], "2", []),
        (["3"], "2", []),
        (["1"], "2.0:1", ["1"]),
        (["1", "2.0:1"], "2.0:2", ["2.0:1"]),
        (["1", "2.1:1"], "2.0:2", ["1"]),
        (["2.0:1"], "3", ["2.0:1"]),
        (["2.0:1", "2.0:3"], "3", ["2.0:3"]),
        (["2.0:1", "2.1:1"], "3", ["2.0:1", "2.1:1"]),
        (["2.0:1", "4.1:1"], "5", ["4.1:1"]),
        (["2.0:1"], "4.3:1", ["2.0:1"]),
        (["2.10:1"], "10", ["2.10:1"]),
        (["2.0/1.0:1"], "2.0/1.1:1", []),
        (["2.0/1.0:1"], "2.0/3.1:1", ["2.0/1.0:1"]),
        (["2.0/1.0:1"], "2.1:4", []),
        (["2.0/1.0:1"], "9", ["2.0/1.0:1"]),
    ],
)
def test_what_is_behind_is_seen_and_the_nearest_wins(there: list[str], at: str, found: list[str]):
    path, _, position = at.rpartition(":")

    shown = seen([head(place) for place in there], "ask", path, int(position))

    assert shown == [head(place) for place in found]


def test_a_step_is_known_by_its_activity_and_by_its_own_name():
    heads = [head("1", name="first"), head("2", name="second"), head("3", step="other")]

    assert seen(heads, "first", "", 4) == [heads[0]]
    assert seen(heads, "ask", "", 4) == [heads[1]]
    assert seen(heads, "nobody", "", 4) == []
