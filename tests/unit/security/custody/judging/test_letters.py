"""A message that the store has not recorded is judged by what travels with it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from paigeant.model.stored.dead_letters import Flaw
from paigeant.security.custody.judging.letters import Letters
from paigeant.security.custody.records import CLOCKS
from paigeant.security.custody.writing import LONGEST_LIFE
from paigeant.security.frame import read_frame
from tests.unit.security.custody.conftest import BEGAN, MINUTE, Journey, Ring


def flaw_of(ring: Ring, journey: Journey, audience: str = "default", after: timedelta = MINUTE) -> Flaw | None:
    message, record = ring.codec().open(journey.sealed.body)
    body = read_frame(journey.sealed.body).body
    found = Letters(ring.keyring(), audience).find_flaw(message.key, body, record, BEGAN + after)
    return None if found is None else found[0]


def at_the_second(ring: Ring, signer: str) -> Journey:
    """Return a run whose first hop somebody has left."""
    journey = Journey.begin(ring.codec("api"), "draft", "review")
    journey.leave(ring.codec(signer))
    return journey


def test_nothing_is_wrong_with_what_was_signed_and_is_of_no_run_here(ring: Ring):
    first, second = Journey.begin(ring.codec("api"), "draft"), at_the_second(ring, "billing")

    assert (flaw_of(ring, first), flaw_of(ring, second)) == (None, None)


def test_a_hop_left_with_the_key_of_another_step_is_forged(ring: Ring):
    ring.grant("intern", "step:print", "dispatch:*")

    assert flaw_of(ring, at_the_second(ring, "intern")) is Flaw.FORGED


def test_a_dispatch_for_another_audience_is_foreign(ring: Ring):
    assert flaw_of(ring, Journey.begin(ring.codec("api"), "draft"), audience="staging") is Flaw.FOREIGN


@pytest.mark.parametrize(("late", "flaw"), [(CLOCKS, None), (CLOCKS + MINUTE, Flaw.EXPIRED)])
def test_a_dispatch_whose_time_is_over_is_expired_once_two_clocks_agree_on_that(
    ring: Ring, late: timedelta, flaw: Flaw | None
):
    assert flaw_of(ring, Journey.begin(ring.codec("api"), "draft"), after=LONGEST_LIFE + late) is flaw
