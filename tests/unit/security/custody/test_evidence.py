"""Evidence that was exported is verified by a key set alone, and no byte of it is another than was signed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json, to_json

from paigeant.app.custody import verify_document
from paigeant.config import Settings
from paigeant.errors import InvalidInput, MessageRejected
from paigeant.model.custody.evidence import Evidence
from paigeant.model.values.digests import digest_of
from paigeant.model.values.values import inline, text_of
from paigeant.security.custody.audit import audit
from paigeant.security.custody.evidence import document as documents
from paigeant.security.custody.evidence.document import document_of, read_document, write_document
from paigeant.security.custody.evidence.verdict import Audit
from paigeant.security.custody.judge import Judge
from paigeant.security.custody.keyring import Keyring
from paigeant.security.custody.purposes import KeyPlaces, Purpose
from paigeant.security.key_sets import FileKeySet

from .conftest import BEGAN, MINUTE, Journey, Ring

AT = BEGAN + timedelta(days=1)
SECRET = "Ring the bees at noon"


@pytest.fixture
def ring(ring: Ring) -> Ring:
    ring.grant("desk", "operate:export")
    return ring


def completed(ring: Ring) -> Evidence:
    journey = Journey.begin(ring.codec("api"), "draft", "review", payload=SECRET)
    journey.leave(ring.codec("billing"), {"note": inline(SECRET)})
    journey.leave(ring.codec("billing"))
    return journey.evidence


def exported(ring: Ring, evidence: Evidence, *, values: bool = True, name: str = "desk") -> bytes:
    return write_document(document_of(evidence, "default", AT, values=values), ring.keyring(name))


def verified(ring: Ring, made: bytes, **more: Any) -> Audit:
    """Verify a document as somebody does who has the key set and nothing else."""
    ring.keyring()
    return verify_document(made, ring.folder / "trust", Settings(store="memory://", **more))


def signed(ring: Ring, text: bytes) -> bytes:
    """Return whatever it is as the exporter signs it."""
    jws = ring.keyring("desk").sign(Purpose.EVIDENCE, text)
    return b'{"evidence":%b,"signature":"%b"}\n' % (text, jws)


def text_in(made: bytes) -> bytes:
    return made.removeprefix(b'{"evidence":').rpartition(b',"signature":"')[0]


def why(found: Audit) -> str:
    assert found.verdict == "broken"
    assert found.broken is not None
    return found.broken.why


@pytest.mark.parametrize("values", [True, False])
def test_what_was_exported_is_verified_as_in_the_store(ring: Ring, *, values: bool):
    evidence = completed(ring)
    in_store = audit(evidence, Judge(ring.keyring(), "default"))

    found = verified(ring, exported(ring, evidence, values=values))

    assert in_store.verdict == "intact"
    assert replace(found, exported=None) == in_store
    assert found.exported is not None
    assert (found.exported.signed_by, found.exported.at, found.exported.values) == ("desk", AT, values)


def test_a_document_is_one_json_object(ring: Ring):
    made = exported(ring, completed(ring))

    assert from_json(made)["evidence"]["run"]["input"] == {"text": text_of(inline(SECRET))}


def test_without_values_none_of_them_is_in_it(ring: Ring):
    made = exported(ring, completed(ring), values=False)

    assert SECRET.encode() not in made
    assert b"draft 1" not in made


@pytest.mark.parametrize("values", [True, False])
def test_what_was_edited_in_the_store_is_found_in_the_document(ring: Ring, *, values: bool):
    evidence = completed(ring)
    hops = [evidence.hops[0]._replace(output=inline("gold")), *evidence.hops[1:]]
    edits = (
        evidence._replace(hops=hops),
        evidence._replace(input=inline("wasps")),
        evidence._replace(output=inline("wasps")),
        evidence._replace(variables=[evidence.variables[0]._replace(value=inline(1))]),
        evidence._replace(hops=[evidence.hops[0]._replace(body=b"no message"), *evidence.hops[1:]]),
        evidence._replace(records=evidence.records[:-1]),
    )

    for edited in edits:
        in_store = audit(edited, Judge(ring.keyring(), "default"))
        found = verified(ring, exported(ring, edited, values=values))
        assert found.verdict == "broken"
        assert found.broken == in_store.broken


def test_a_run_of_which_nothing_is_signed_is_unsigned(ring: Ring):
    found = verified(ring, exported(ring, completed(ring)._replace(records=())))

    assert found.verdict == "unsigned"


def test_each_byte_is_covered(ring: Ring):
    made = exported(ring, completed(ring))
    ring.keyring()
    keys = Keyring(KeyPlaces("default", trust=FileKeySet(ring.folder / "trust")))
    read_document(made, keys, "default")

    for at in range(len(made)):
        changed = bytearray(made)
        changed[at] ^= 1
        with pytest.raises(MessageRejected):
            read_document(bytes(changed), keys, "default")


@given(st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
def test_nothing_is_added_left_out_or_put_in_another_place(ring: Ring, data: st.DataObject):
    made = exported(ring, completed(ring))
    at = data.draw(st.integers(0, len(made)))
    to = data.draw(st.integers(at, len(made)))
    changed = made[:at] + data.draw(st.binary(max_size=20)) + made[to:]

    assert verified(ring, changed).verdict == ("intact" if changed == made else "broken")


@pytest.mark.parametrize("end", [0, 1, 11, 12, 30, -200, -100, -4, -3, -2, -1])
def test_a_file_that_was_cut_off_is_broken(ring: Ring, end: int):
    found = verified(ring, exported(ring, completed(ring))[:end])

    assert (found.verdict, found.workflow_id) == ("broken", None)


def test_a_key_that_is_not_in_the_set_signs_nothing(ring: Ring):
    made = exported(ring, completed(ring))
    del ring.granted["desk"]

    assert "not trusted here" in why(verified(ring, made))


def test_a_record_of_a_key_that_is_not_in_the_set_is_broken(ring: Ring):
    made = exported(ring, completed(ring))
    del ring.granted["billing"]

    found = verified(ring, made)

    assert "not trusted here" in why(found)
    assert found.broken is not None
    assert (found.broken.position, found.workflow_id) == (1, completed_id(made))


def completed_id(made: bytes) -> Any:
    return documents.TypeAdapter(documents.Document).validate_json(text_in(made)).run.workflow_id


def test_only_a_key_with_the_right_to_export_does(ring: Ring):
    assert "billing may not operate:export" in why(verified(ring, exported(ring, completed(ring), name="billing")))


def test_the_signature_of_one_key_is_not_that_of_another(ring: Ring):
    ring.grant("other", "operate:export")
    evidence = completed(ring)
    mine, theirs = exported(ring, evidence), exported(ring, evidence, name="other")
    jws = mine.rpartition(b'"signature":"')[2], theirs.rpartition(b'"signature":"')[2]
    header, signature = jws[0].partition(b"..")[0], jws[1].partition(b"..")[2]

    spliced = mine[: -len(jws[0])] + header + b".." + signature

    assert "not what desk signed" in why(verified(ring, spliced))


def test_a_signature_for_another_purpose_is_none(ring: Ring):
    text = text_in(exported(ring, completed(ring)))
    jws = ring.keyring("desk").sign(Purpose.RECORD, text)

    assert "is a paigeant-record+jws" in why(verified(ring, b'{"evidence":%b,"signature":"%b"}\n' % (text, jws)))


REVOKED: dict[str, dict[str, Any]] = {
    "revoked later": {"revoked_from": (AT + MINUTE).isoformat()},
    "compromised": {"compromised": True},
    "run out before": {"exp": (AT - MINUTE).isoformat()},
    "not good yet": {"nbf": (AT + MINUTE).isoformat()},
    "for another namespace": {"ns": ["staging"]},
}


@pytest.mark.parametrize("more", REVOKED.values(), ids=REVOKED)
def test_a_key_counts_that_was_good_and_is_not_revoked(ring: Ring, more: dict[str, Any]):
    made = exported(ring, completed(ring))
    ring.change("desk", **more)

    assert verified(ring, made).verdict == "broken"


def test_the_evidence_of_a_key_that_was_retired_later_counts(ring: Ring):
    made = exported(ring, completed(ring))
    ring.change("desk", exp=(AT + MINUTE).isoformat())

    assert verified(ring, made).verdict == "intact"


def test_evidence_of_another_audience_is_refused(ring: Ring):
    made = exported(ring, completed(ring))

    assert "it is for 'default', not for 'staging'" in why(verified(ring, made, audience="staging"))


TEXTS: dict[str, Callable[[bytes], bytes]] = {
    "a key twice": lambda text: text.replace(b'"v":1,', b'"v":1,"v":1,', 1),
    "another value first": lambda text: text.replace(b'"status":"completed"', b'"status":"x","status":"completed"', 1),
    "a key more": lambda text: text.replace(b'"v":1,', b'"v":1,"w":1,', 1),
    "a space more": lambda text: text.replace(b'"v":1,', b'"v":1, ', 1),
    "another spelling": lambda text: text.replace(b'"evidence"', b'"\\u0065vidence"', 1),
    "another version": lambda text: text.replace(b'"v":1,', b'"v":2,', 1),
    "a time without an offset": lambda text: text.replace(b'Z","aud"', b'","aud"', 1),
    "a key less": lambda text: to_json({**from_json(text), "deeds": None}),
    "no object": lambda _: b"[]",
    "nothing": lambda _: b"",
    "deep": lambda _: b"[" * 100_000 + b"]" * 100_000,
    "not UTF-8": lambda text: text.replace(b"draft", b"dra\xff\xfe", 1),
    "NaN": lambda text: text.replace(b'"v":1,', b'"v":NaN,', 1),
}


@pytest.mark.parametrize("change", TEXTS.values(), ids=TEXTS)
def test_a_text_has_one_spelling_even_if_it_is_signed(ring: Ring, change: Callable[[bytes], bytes]):
    text = text_in(exported(ring, completed(ring)))
    assert change(text) != text

    assert "it is" in why(verified(ring, signed(ring, change(text))))


@pytest.mark.parametrize("digest", ["a", "=", "é", "_" * 43])
@pytest.mark.parametrize("name", ["00" * 32, "none", ""])
def test_a_plan_under_an_odd_digest_is_lost(ring: Ring, name: str, digest: str):
    evidence = completed(ring)._replace(plans={name: b"a plan"})
    text = text_in(exported(ring, evidence, values=False)).decode().replace(digest_of(b"a plan"), digest)

    assert "plan" in why(verified(ring, signed(ring, text.encode())))


@pytest.mark.parametrize(
    "made", [b"[" * 3_000_000, b'{"evidence":' * 200_000, b'{"evidence":' + b" " * 5_000_000 + b'"}\n']
)
def test_what_nobody_has_signed_is_not_parsed(ring: Ring, made: bytes):
    assert "no document" in why(verified(ring, made))


def test_a_document_that_is_too_large_is_neither_read_nor_written(ring: Ring, monkeypatch: pytest.MonkeyPatch):
    evidence = completed(ring)
    made = exported(ring, evidence)
    monkeypatch.setattr(documents, "DOCUMENT_BYTES", len(made) - 1)

    assert "more than" in why(verified(ring, made))
    with pytest.raises(InvalidInput, match="at most"):
        exported(ring, evidence)
