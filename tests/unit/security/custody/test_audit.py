"""An audit takes as long as there are records, and finds what a live run would not be executed for."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from paigeant.abc import Departure
from paigeant.model.custody.evidence import Evidence, HopEvidence
from paigeant.model.entries.step import Step
from paigeant.model.outcomes import Revised
from paigeant.model.revision import RevisionPolicy, SlipPolicy
from paigeant.model.transition import Left
from paigeant.model.values.values import NULL, inline
from paigeant.routing.advance import advance
from paigeant.security.custody.audit import audit
from paigeant.security.custody.evidence.verdict import Audit
from paigeant.security.custody.judge import Judge

from .conftest import MINUTE, Journey, Ring


def audited(ring: Ring, journey: Journey) -> Audit:
    """Audit the records of a run alone: the hop that is ahead is not in the store."""
    workflow_id = journey.message.headers.workflow_id
    evidence = Evidence(workflow_id, "article", "running", inline(None), None, False, (), (), journey.records)  # noqa: FBT003
    return audit(evidence, Judge(ring.keyring(), "default"))


def _cost(ring: Ring, calls: Any, length: int) -> int:
    codec = ring.codec("api")
    journey = Journey.begin(codec, *["draft"] * (length + 1))
    for _ in range(length):
        journey.leave(codec)
    with calls() as count:
        audited(ring, journey)
    return count()


def test_a_run_of_ten_times_as_many_records_takes_about_ten_times_as_long(ring: Ring, calls: Any):
    assert _cost(ring, calls, 200) < 12 * _cost(ring, calls, 20)


@pytest.mark.parametrize(("step", "link"), [("paint", None), ("steal", "rev")])
def test_an_audit_judges_what_was_changed_of_a_plan(ring: Ring, step: str, link: str | None):
    policy = SlipPolicy(limits=RevisionPolicy(allow=("paint",)))
    journey = Journey.begin(ring.codec("api"), "draft", "print", policy=policy)
    codec, first = ring.codec("billing"), journey.sealed.body
    leased = journey.lease(codec)
    loose = replace(leased.message.routing_slip, policy=None)  # a worker that obeys nobody
    made = advance(
        replace(leased, message=replace(leased.message, routing_slip=loose)), Revised(NULL, insert=[Step(step)])
    )
    [(following, hold)] = made.next
    slip = replace(following.routing_slip, policy=policy)
    made = replace(made, next=((replace(following, routing_slip=slip), hold),))
    hop = codec.depart(leased, Departure("worker", made))
    journey.keep(leased.grant.key, 1, hop.record)
    left = made.hop
    assert isinstance(left, Left)
    done = (leased.grant.key, "draft", leased.message.step_id.hex, "execute", "completed", 1, False)
    ahead = (following.key, step, following.step_id.hex, "execute", "pending", 0, True)
    hops = [
        HopEvidence(*done, None, NULL, None, left.undo, None, first, made.writes.revision),
        HopEvidence(*ahead, None, None, None, None, None, hop.messages[0].body),
    ]
    run = (journey.message.headers.workflow_id, "article", "running", journey.message.payload.input, None, False)

    found = audit(Evidence(*run, hops, (), journey.records), Judge(ring.keyring(), "default"))

    assert (found.broken and (found.broken.position, found.broken.link)) == (link and (1, link))


def test_an_audit_goes_by_when_records_were_stored(ring: Ring):
    journey = Journey.begin(ring.codec("api"), *["draft"] * 3)
    ring.change("billing", revoked_from=(journey.now - MINUTE).isoformat())
    journey.leave(ring.codec("billing"), at=journey.now - 60 * MINUTE)

    found = audited(ring, journey)

    assert found.broken is not None
    assert (found.verdict, found.broken.position, found.broken.link) == ("broken", 1, "record")
    assert "revoked" in found.broken.why
