"""A duration means the same wherever it is written, and what is none is refused with what would be right."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paigeant.model.values.durations import parse_duration, parse_seconds, seconds_of


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (30, 30),
        (0.5, 0.5),
        (0, 0),
        (timedelta(minutes=2), 120),
        ("90s", 90),
        ("1h30m", 5400),
        ("250ms", 0.25),
        ("1s500ms", 1.5),
        ("2 days", 172_800),
        ("1 day 12 hours", 129_600),
        ("1 minute", 60),
        ("2w", 1_209_600),
    ],
)
def test_numbers_timedeltas_and_text_are_durations(given: Any, seconds: float):
    assert seconds_of(given) == seconds


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("30", "write 30, which is seconds, or '30s'"),
        ("soon", "write 30d, 12h, 45m or 1d12h"),
        ("", "no span of time"),
        ("1h ", "no span of time"),
        ("-1h", "no span of time"),
        ("1 hour ", "no span of time"),
        (True, "a number of seconds, a timedelta, or text"),
        (None, "a number of seconds, a timedelta, or text"),
        ([1], "a number of seconds, a timedelta, or text"),
        (float("nan"), "a number of seconds, a timedelta, or text"),
        (float("inf"), "a number of seconds, a timedelta, or text"),
        (-1, "less than nothing"),
        (timedelta(seconds=-1), "less than nothing"),
        (10**400, "an enormous number is too long; at most 3660 days"),
        (1e300, "too long; at most 3660 days"),
        (timedelta.max, "too long; at most 3660 days"),
        ("999999999w", "no calendar goes so far"),
        ("9999d", "too long; at most 3660 days"),
    ],
)
def test_what_is_no_duration_is_refused_with_what_would_be(given: Any, said: str):
    with pytest.raises(ValueError, match=re.escape(said)):
        seconds_of(given)


def test_from_outside_a_number_alone_is_seconds():
    assert (parse_seconds("30"), parse_seconds("1.5"), parse_seconds("1m")) == (30, 1.5, 60)
    with pytest.raises(ValueError, match="no span of time"):
        parse_seconds("1e9")


@given(st.text(max_size=20))
def test_any_text_is_a_duration_or_a_value_error(text: str):
    try:
        span = parse_duration(text)
    except ValueError:
        return
    assert span >= timedelta()


@given(st.timedeltas(timedelta(), timedelta(days=3660)))
def test_every_span_can_be_written(span: timedelta):
    whole, rest = divmod(span // timedelta(milliseconds=1), 1000)

    assert seconds_of(f"{whole}s{rest}ms") == pytest.approx(span.total_seconds(), abs=0.001)
