"""Pauses grow while something is away, have an end, and begin again once it worked."""

from __future__ import annotations

from paigeant.aio.backoff import Backoff


def test_pauses_double_up_to_the_longest():
    backoff = Backoff(0.1, 1.0)

    assert [round(backoff.next(), 3) for _ in range(6)] == [0.1, 0.2, 0.4, 0.8, 1.0, 1.0]


def test_success_begins_anew():
    backoff = Backoff(0.1, 5.0)
    backoff.next()
    backoff.next()

    backoff.reset()

    assert (backoff.attempts, backoff.next()) == (0, 0.1)


def test_failed_attempts_are_counted():
    backoff = Backoff(0.1, 5.0)
    backoff.next()
    backoff.next()

    assert backoff.attempts == 2


def test_jitter_is_a_share_of_the_pause_and_does_not_slow_its_growth():
    backoff = Backoff(1.0, 8.0, factor=3.0, jitter=lambda: 0.5)

    assert [backoff.next() for _ in range(3)] == [0.5, 1.5, 4.0]


async def test_a_pause_sleeps():
    backoff = Backoff(0.0, 0.0)

    await backoff.pause()

    assert backoff.attempts == 1
