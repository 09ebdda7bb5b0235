"""Pauses double where the provider does not say for how long, and never become shorter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from paigeant.protocol.spending.pauses import LONGEST, Pause, prolong

NOW = datetime(2026, 11, 29, tzinfo=UTC)


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def test_pauses_whose_length_nobody_says_double_to_a_minute():
    lengths: list[float] = []
    now, pause = NOW, None
    for _ in range(8):
        pause = prolong(pause, None, now)
        lengths.append((pause.until - now).total_seconds())
        now = pause.until + seconds(1)

    assert lengths == [2, 4, 8, 16, 32, 60, 60, 60]


def test_after_two_minutes_without_a_refusal_they_begin_anew():
    pause = prolong(Pause(NOW, 5), None, NOW + seconds(121))

    assert pause == Pause(NOW + seconds(123), 1)


def test_what_the_provider_says_counts_and_is_no_doubling():
    pause = prolong(Pause(NOW, 3), 7, NOW + seconds(1))

    assert pause == Pause(NOW + seconds(8), 3)


def test_a_provider_that_says_0_is_not_asked_at_once():
    assert prolong(None, 0, NOW).until == NOW + seconds(1)


@given(st.lists(st.tuples(st.none() | st.floats(-1e9, 1e9), st.floats(0, 300))))
def test_no_refusal_shortens_a_pause(refusals: list[tuple[float | None, float]]):
    now, pause = NOW, None
    for asked, later in refusals:
        now += seconds(later)
        before = now if pause is None else pause.until
        pause = prolong(pause, asked, now)
        assert pause.until >= max(before, now)
        assert asked is not None or pause.until <= max(before, now + seconds(LONGEST))
