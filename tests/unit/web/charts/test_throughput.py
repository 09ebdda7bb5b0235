"""The chart has a column for each minute in which runs ended, as high as there were, and says how many there were."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from paigeant.model.runs import RunStatus
from paigeant.model.stored.overview import COUNTED, EndCount
from paigeant.web.charts.throughput import HEIGHT, throughput_of


def ended(minutes_ago: int, status: RunStatus, count: int) -> EndCount:
    minute = datetime.now(UTC).replace(second=0, microsecond=0) - timedelta(minutes=minutes_ago)
    return EndCount(minute=minute, status=status, count=count)


def test_what_completed_stands_below_what_ended_otherwise():
    ends = [ended(5, RunStatus.COMPLETED, 6), ended(5, RunStatus.FAILED, 1), ended(5, RunStatus.CANCELLED, 1)]
    chart = throughput_of([*ends, ended(2, RunStatus.COMPLETED, 4)])

    assert [(column.completed, column.others) for column in chart.columns] == [(75, 25), (50, 0)]
    assert chart.columns[1].x - chart.columns[0].x == 3
    assert (chart.completed, chart.others, chart.most, chart.cut) == (10, 2, 8, False)
    assert "6 completed, 2 ended otherwise" in chart.columns[0].title


def test_an_hour_without_ends_has_no_column_and_a_busy_one_says_that_it_is_cut():
    busy = throughput_of([ended(0, RunStatus.COMPLETED, COUNTED)])

    assert throughput_of([]).columns == []
    assert [column.completed for column in busy.columns] == [HEIGHT]
    assert 0 <= busy.columns[0].x < busy.minutes
    assert busy.cut is True
