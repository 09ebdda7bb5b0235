"""An audit takes as long as there are records, and finds what a live run would not be executed for."""

from __future__ import annotations

from typing import Any

from paigeant.model.custody.evidence import Evidence
from paigeant.model.values.values import inline
from paigeant.security.custody.audit import Audit, audit
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


def test_an_audit_goes_by_when_records_were_stored(ring: Ring):
    journey = Journey.begin(ring.codec("api"), *["draft"] * 3)
    ring.change("billing", revoked_from=(journey.now - MINUTE).isoformat())
    journey.leave(ring.codec("billing"), at=journey.now - 60 * MINUTE)

    found = audited(ring, journey)

    assert found.broken is not None
    assert (found.verdict, found.broken.position, found.broken.link) == ("broken", 1, "record")
    assert "revoked" in found.broken.why
