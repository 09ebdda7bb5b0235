"""Keys are judged by the clock of the store, which no signer can choose; a run waits that rests on a revoked one."""

from __future__ import annotations

from typing import Any

import pytest

from paigeant.errors import ExpiredRun, RevokedKey, TamperedMessage, UnknownKey, UnsignedDeed, UnsignedRun
from paigeant.model.hops import Leased
from paigeant.model.people.deeds import DeedTerms, DeedVerb, StoredDeed
from paigeant.model.runs import CancelRequest
from paigeant.security.plain import PlainCodec
from paigeant.testing.builders import new_message

from .conftest import BEGAN, MINUTE, Journey, Ring


def judge(ring: Ring, journey: Journey, **more: object) -> None:
    """Let a worker judge the next hop that has seen nothing of the run; it reads records if it needs them."""
    codec = ring.codec("api")
    leased = journey.lease(codec, **more)
    codec.judge(leased, journey.records if codec.needs_records(leased) else ())


def test_a_key_that_was_revoked_signs_nothing_whatever_time_its_thief_writes(ring: Ring):
    journey = Journey.begin(ring.codec("api"), *["draft"] * 3)
    ring.change("billing", revoked_from=BEGAN.isoformat())

    journey.leave(ring.codec("billing"), at=BEGAN - 60 * MINUTE)

    with pytest.raises(RevokedKey, match=r"position 1, record: key .* was revoked from"):
        judge(ring, journey)


def test_what_was_stored_before_its_key_was_revoked_still_counts(ring: Ring):
    journey = Journey.begin(ring.codec("api"), *["draft"] * 3)
    journey.leave(ring.codec("billing"))

    ring.change("billing", revoked_from=(journey.now + MINUTE).isoformat())
    journey.now += 10 * MINUTE

    judge(ring, journey)


def test_a_record_is_no_older_than_the_one_that_it_follows(ring: Ring):
    """Whoever writes to the store can say that a record was stored earlier, but not before the one that it quotes."""
    journey = Journey.begin(ring.codec("api"), *["draft"] * 4)
    journey.leave(ring.codec("api"))
    ring.change("billing", revoked_from=(journey.now - MINUTE / 2).isoformat())
    journey.leave(ring.codec("billing"))
    journey.records[-1] = journey.records[-1]._replace(at=BEGAN - 60 * MINUTE)

    with pytest.raises(RevokedKey):
        judge(ring, journey)


@pytest.mark.parametrize(("limit", "at"), [("exp", BEGAN + MINUTE / 2), ("nbf", BEGAN + 9 * MINUTE)])
def test_a_key_counts_from_when_and_until_when_it_is_good(ring: Ring, limit: str, at: object):
    journey = Journey.begin(ring.codec("api"), *["draft"] * 3)
    journey.leave(ring.codec("billing"), at=BEGAN)
    ring.change("billing", **{limit: str(at)})

    with pytest.raises(RevokedKey):
        judge(ring, journey)


def test_what_a_compromised_key_has_signed_counts_only_if_another_follows(ring: Ring):
    journey = Journey.begin(ring.codec("api"), *["draft"] * 4)
    journey.leave(ring.codec("billing"))
    ring.change("billing", compromised=True)

    with pytest.raises(RevokedKey, match="compromised"):
        judge(ring, journey)

    journey.leave(ring.codec("api"))
    judge(ring, journey)


def test_a_run_that_is_older_than_its_dispatch_allows_waits_for_a_person(ring: Ring):
    journey = Journey.begin(ring.codec("api"), "draft")
    journey.now += 91 * 24 * 60 * MINUTE

    with pytest.raises(ExpiredRun, match="exp"):
        judge(ring, journey)


def test_a_run_that_is_to_end_may_end_however_old_it_is(ring: Ring):
    journey = Journey.begin(ring.codec("api"), "draft")
    journey.now += 91 * 24 * 60 * MINUTE

    ring.grant("desk", "operate:cancel")
    codec, run = ring.codec("api"), journey.message.headers.workflow_id
    asked = ring.codec("desk").attest(DeedTerms(DeedVerb.CANCEL, run, "ann", "cli", {"compensate": False}))
    leased = journey.lease(codec, cancel=CancelRequest.PLAIN)

    codec.learn_deeds(leased, [StoredDeed(asked, journey.now)])
    codec.judge(leased, journey.records)


def test_a_run_within_no_other_is_not_ended_by_one(ring: Ring):
    journey = Journey.begin(ring.codec("api"), "draft")

    with pytest.raises(UnsignedDeed, match="nobody has signed that the run is to be cancelled"):
        judge(ring, journey, cancel=CancelRequest.BRANCH)


def test_a_run_that_began_unsigned_says_so(ring: Ring):
    journey = Journey.begin(ring.codec("api"), "draft")
    journey.sealed = PlainCodec().seal(new_message("draft"))

    with pytest.raises(UnsignedRun):
        judge(ring, journey)


def test_an_unknown_key_is_asked_for_again_soon_and_then_now_and_then(ring: Ring):
    ring.grant("guest", "dispatch:*", "step:*")
    journey = Journey.begin(ring.codec("guest"), "draft")
    del ring.granted["guest"]
    codec = ring.codec("api")

    assert [_again_in(codec.judge, journey.lease(codec)) for _ in range(3)] == [5.0, 60.0, 60.0]


def _again_in(judging: Any, leased: Leased) -> float:
    with pytest.raises(UnknownKey) as refused:
        judging(leased, ())
    return refused.value.again_in


def test_a_signer_needs_the_right_for_its_step(ring: Ring):
    ring.change("billing", may=["step:pay"])
    journey = Journey.begin(ring.codec("api"), *["draft"] * 2)
    journey.leave(ring.codec("billing"))

    with pytest.raises(TamperedMessage, match="billing may not step:draft"):
        judge(ring, journey)
