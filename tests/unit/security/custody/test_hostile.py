"""Whoever writes to the store, or has another step's key, leaves a trace that an audit and the next worker find."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.custody.evidence import Evidence
from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.values.values import inline
from paigeant.security.custody.audit import audit
from paigeant.security.custody.chain import Chain
from paigeant.security.custody.evidence.verdict import Audit
from paigeant.security.custody.judge import Judge
from paigeant.security.custody.judging.children import link_all
from paigeant.security.custody.purposes import Purpose
from paigeant.security.frame import read_frame, write_frame

from .conftest import Journey, Ring

STEPS = ("draft", "review", "print")
Records = list[StoredRecord]


def completed(ring: Ring) -> Journey:
    """Return a run each of whose hops another process has left."""
    journey = Journey.begin(ring.codec("api"), *STEPS, payload="bees")
    for number, _ in enumerate(STEPS):
        journey.leave(ring.codec("billing"), {"note": inline(number)})
    return journey


def audited(ring: Ring, evidence: Evidence) -> Audit:
    return audit(evidence, Judge(ring.keyring(), "default"))


def test_a_run_that_nobody_has_touched_is_intact(ring: Ring):
    found = audited(ring, completed(ring).evidence)

    assert (found.verdict, found.broken) == ("intact", None)


def _swapped(records: Records, at: int) -> Records:
    other = records[at - 1]
    swapped = records[at]._replace(record=other.record), other._replace(record=records[at].record)
    return [*records[: at - 1], swapped[1], swapped[0], *records[at + 1 :]]


def _repeated(records: Records, at: int) -> Records:
    return [*records, records[at]._replace(fence=7)]


def _moved(records: Records, at: int) -> Records:
    key = records[at].key
    return [*records[:at], records[at]._replace(key=key._replace(position=key.position + 5)), *records[at + 1 :]]


def _cut(records: Records, at: int) -> Records:
    return records[:at]


def _dropped(records: Records, at: int) -> Records:
    return [*records[:at], *records[at + 1 :]]


TAMPERS: dict[str, Callable[[Records, int], Records]] = {
    "exchanged with the one before": _swapped,
    "there twice": _repeated,
    "moved to another hop": _moved,
    "cut off, with all that follow": _cut,
    "left out": _dropped,
}


@pytest.mark.parametrize("at", range(1, len(STEPS) + 1))
@pytest.mark.parametrize("tamper", TAMPERS.values(), ids=TAMPERS)
def test_each_record_is_where_it_was_signed_to_be(ring: Ring, tamper: Callable[[Records, int], Records], at: int):
    evidence = completed(ring).evidence

    found = audited(ring, evidence._replace(records=tamper(list(evidence.records), at)))

    assert found.verdict == "broken"


@pytest.mark.parametrize("at", range(len(STEPS) + 1))
def test_no_record_of_another_run_takes_the_place_of_one(ring: Ring, at: int):
    evidence, other = completed(ring).evidence, completed(ring).evidence
    records = list(evidence.records)
    records[at] = records[at]._replace(record=other.records[at].record)

    assert audited(ring, evidence._replace(records=records)).verdict == "broken"


def test_no_run_takes_the_place_of_another(ring: Ring):
    evidence, other = completed(ring).evidence, completed(ring).evidence

    assert audited(ring, other._replace(workflow_id=evidence.workflow_id)).verdict == "broken"


@pytest.mark.parametrize("at", range(len(STEPS) + 1))
def test_each_field_of_each_record_is_signed(ring: Ring, at: int):
    evidence = completed(ring).evidence
    there: dict[str, Any] = from_json(evidence.records[at].record.text)

    for name in there:
        changed = to_json({**there, name: "another"})
        record = SignedRecord("hop", changed, evidence.records[at].record.jws)
        records = [*evidence.records[:at], evidence.records[at]._replace(record=record), *evidence.records[at + 1 :]]
        assert audited(ring, evidence._replace(records=records)).verdict == "broken", name


@pytest.mark.parametrize("at", range(1, len(STEPS) + 1))
def test_a_key_of_another_step_signs_none_of_them(ring: Ring, at: int):
    """It signs the very text that was there: only whose key it is tells."""
    ring.grant("intern", "step:coffee")
    evidence = completed(ring).evidence
    text = evidence.records[at].record.text
    forged = SignedRecord("hop", text, ring.keyring("intern").sign(Purpose.RECORD, text))
    records = [*evidence.records[:at], evidence.records[at]._replace(record=forged), *evidence.records[at + 1 :]]

    found = audited(ring, evidence._replace(records=records))

    assert found.broken is not None
    assert "intern may not step:" in found.broken.why


@pytest.mark.parametrize("column", ["step", "step_id", "direction", "status", "output", "log", "body"])
@pytest.mark.parametrize("at", range(len(STEPS)))
def test_each_column_of_each_hop_is_what_was_signed(ring: Ring, column: str, at: int):
    evidence = completed(ring).evidence
    value = {"output": inline("gold"), "log": inline(1), "body": write_frame(b'{"forged":1}')}.get(column, "another")
    hops = [*evidence.hops[:at], evidence.hops[at]._replace(**{column: value}), *evidence.hops[at + 1 :]]

    assert audited(ring, evidence._replace(hops=hops)).verdict == "broken"


@given(st.data())
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_no_worker_takes_a_message_of_which_a_byte_is_another(ring: Ring, data: st.DataObject):
    journey = Journey.begin(ring.codec("api"), *STEPS, payload="bees")
    journey.leave(ring.codec("billing"))
    body = bytearray(journey.sealed.body)
    at = data.draw(st.integers(0, len(body) - 1))
    body[at] ^= data.draw(st.integers(1, 255))

    with pytest.raises(MessageRejected):
        _take(ring, replace_body(journey, bytes(body)))


def test_no_worker_takes_the_message_of_an_earlier_hop_again(ring: Ring):
    journey = Journey.begin(ring.codec("api"), *STEPS)
    first = journey.sealed
    journey.leave(ring.codec("billing"))
    journey.sealed = first

    with pytest.raises(MessageRejected, match="left before"):
        _take(ring, journey)


def test_no_worker_takes_the_body_of_one_run_with_the_record_of_another(ring: Ring):
    one, other = (Journey.begin(ring.codec("api"), *STEPS, payload=payload) for payload in ("bees", "wasps"))
    mine, theirs = read_frame(one.sealed.body), read_frame(other.sealed.body)
    spliced = write_frame(theirs.body, mine.record, mine.jws or b"")

    with pytest.raises(MessageRejected):
        _take(ring, replace_body(one, spliced))


def replace_body(journey: Journey, body: bytes) -> Journey:
    journey.sealed = journey.sealed._replace(body=body)
    return journey


def _take(ring: Ring, journey: Journey) -> None:
    """Open the message and judge it, as a worker does that has seen nothing of the run."""
    codec = ring.codec("api")
    leased = journey.lease(codec)
    codec.judge(leased, journey.records)
    codec.judge(replace(leased, judged=False), journey.records)


def test_records_of_another_run_do_not_say_what_became_of_a_child(ring: Ring):
    """Both began at one node: nothing else tells them apart."""
    mine, other = completed(ring), completed(ring)
    mine_id = mine.message.headers.workflow_id
    taken = [each._replace(key=each.key._replace(workflow_id=mine_id)) for each in other.records]
    judge = Judge(ring.keyring(), "default")

    link_all(judge, Chain(), mine.records)
    with pytest.raises(TamperedMessage, match="dispatch, record: it is of run"):
        link_all(judge, Chain(), taken)
