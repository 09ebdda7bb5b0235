"""Whatever a trusted key has signed: odd fields, too many, too few, huge or deep, are tampering, and no error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic_core import from_json

from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.custody.keys import KeyKind, PublishedKey
from paigeant.model.custody.records import RecordKind, SignedRecord, StoredRecord
from paigeant.model.message import HopKey
from paigeant.model.people.deeds import Deed, DeedTerms, DeedVerb, StoredDeed
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import inline
from paigeant.security.custody.audit import audit, audit_columns
from paigeant.security.custody.chain import Chain
from paigeant.security.custody.deeds import verify_deed, write_deed
from paigeant.security.custody.evidence.document import document_of, read_document, write_document
from paigeant.security.custody.judge import Judge
from paigeant.security.custody.judging.children import link_all
from paigeant.security.custody.judging.closing import has_ended_beside, is_over, within_of
from paigeant.security.custody.judging.plans import check_plans, places_of
from paigeant.security.custody.judging.variables import find_unsigned
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.purposes import Keys, Purpose
from paigeant.security.custody.records import said_of
from paigeant.security.custody.summaries import hops_of, keys_of, subject_of
from paigeant.security.custody.vouching.voucher import Voucher, verify_voucher, write_voucher
from paigeant.security.signed import SignedCodec

from .conftest import BEGAN, Journey, Ring

Fields = dict[str, Any]

STEPS: Final = ("draft", "review", "print")
ODD: Final = st.recursive(
    st.none()
    | st.booleans()
    | st.sampled_from([0, -1, 2**63, 10**300, 1.5, 1e300, "", "x", "2.0", "2.0/x", "-", "9999-12-31T23:59:59Z"])
    | st.sampled_from(["0001-01-01T00:00:00+14:00", "\ud800", "\x00", "9" * 5_000]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["n", "path", "from"]), inner),
    max_leaves=4,
)
DEEP: Final = "[" * 2_000 + "]" * 2_000
PATIENT: Final = settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def places_in(said: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each place of a JSON value in which something else may stand: the container, and where in that."""
    items = list(said.items() if isinstance(said, dict) else enumerate(said) if isinstance(said, list) else ())
    for key, value in items:
        yield said, key
        yield from places_in(value)


@st.composite
def spoilers(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Return what spoils a text somewhere: another value there, none, one more, or JSON that is none or too deep."""
    where, value = draw(st.integers(0, 200)), draw(ODD)
    how = draw(st.sampled_from(["another", "another", "another", "none", "more", "turned", "deep", "bytes"]))

    def spoil(text: bytes) -> bytes:
        said = from_json(text)
        places = list(places_in(said))
        container, key = places[where % len(places)]
        match how:
            case "none":
                del container[key]
            case "more" if isinstance(container, dict):
                container["more"] = value
            case "turned":
                said = dict(reversed(said.items()))
            case "bytes":
                return text[:where] + text[where + 1 :]
            case "deep":
                container[key] = "DEEP"
            case _:
                container[key] = value
        with suppress(ValueError):
            return to_json(said).replace(b'"DEEP"', DEEP.encode())
        return text

    return spoil


class Spoiling(SignedCodec):
    """Signs the so-manieth of its records as it is told to."""

    def __init__(self, keys: Keys, at: int, spoil: Callable[[bytes], bytes]) -> None:
        super().__init__(keyring=lambda: keys)
        self._at, self._spoil = at, spoil

    def _sign(self, kind: RecordKind, text: bytes) -> SignedRecord:
        self._at -= 1
        text = self._spoil(text) if self._at == -1 else text
        return super()._sign(kind, text.replace(b"\n", b""))


@PATIENT
@given(at=st.integers(0, 2), spoil=spoilers())
def test_a_record_with_odd_fields_is_refused_by_the_next_worker_and_by_an_audit(
    ring: Ring, at: int, spoil: Callable[[bytes], bytes]
):
    ring.grant("api", "dispatch:*", "step:*", "adopt")
    codec = Spoiling(ring.keyring("api"), at, spoil)
    journey = Journey.begin(codec, *STEPS, payload="bees")
    for _ in range(2):
        journey.leave(codec, {"note": inline("n")})
    honest = ring.codec("billing")

    with suppress(MessageRejected):
        leased = journey.lease(honest)
        honest.needs_records(leased)
        honest.judge(leased, journey.records)
        honest.judge_plans(leased, {})
        honest.judge_variables(leased, {"note": inline("n")}, None)
    assert audit(journey.evidence, Judge(ring.keyring(), "default")).verdict in {"broken", "intact"}


HEAD: Final = {"wf": "01890000-0000-7000-8000-000000000000", "by": "w", "at": BEGAN.isoformat()}
NEXT: Final = [{"path": "", "n": 1, "body": "b"}, {"path": "2.0", "n": 1, "body": "b"}]
WITHIN: Final = {"runs": [HEAD["wf"]], "path": "2.1", "n": 3}
DISPATCH: Final = {
    "k": "dispatch",
    "wf": HEAD["wf"],
    "path": "",
    "n": 0,
    "prev": None,
    "by": "w",
    "at": HEAD["at"],
    "aud": "default",
    "workflow": "w",
    "tenant": None,
    "key": None,
    "trace": "t",
    "within": WITHIN,
    "sub": None,
    "deadline": HEAD["at"],
    "exp": HEAD["at"],
    "input": "i",
    "policy": {"limits": {}, "agents": False},
    "passed": ["1 a b skipped"],
    "plan": "p",
    "next": NEXT,
}
BASE: Final = {"k": "hop", "wf": HEAD["wf"], "path": "", "n": 1, "prev": "DISPATCH", "by": "w", "at": HEAD["at"]}
HOP: Final = {
    **BASE,
    "step": "a",
    "label": None,
    "step_id": "0" * 32,
    "dir": "execute",
    "status": "completed",
    "fence": 1,
    "attempt": 1,
    "in": None,
    "out": "o",
    "log": None,
    "undo": None,
    "fault": None,
    "vars": {"v": "d"},
    "did": [],
    "plan": "q",
    "rev": {"from": "p", "to": "q", **said_of(None)},
    "next": NEXT[:1],
    "heads": None,
    "run": "completed",
    "result": "r",
    "because": ["d"],
    "notes": {"checkpoints": "c", "ledger": None, "history": "h"},
}
ADOPTED: Final = {
    "path": "2.0",
    "n": 1,
    "step": "a",
    "label": "a",
    "step_id": "0" * 32,
    "dir": "execute",
    "status": "completed",
    "in": None,
    "out": "o",
    "log": None,
    "undo": None,
    "fault": None,
    "plan": "p",
    "fence": 1,
    "notes": None,
    "node": 2,
    "open": False,
}
DONE: Final = {"id": "0" * 32, "verb": "retry", "by": "b", "via": "cli", "at": HEAD["at"], "args": {"name": "v"}}
INHERITANCE: Final = {
    **BASE,
    "k": "inherit",
    "n": 0,
    "prev": None,
    "workflow": "w",
    "source": HEAD["wf"],
    "head": None,
    "before": 2,
    "set": [{"name": "v", "path": "", "n": 1, "digest": "d"}],
    "hops": [ADOPTED],
    "plan": None,
    "next": NEXT[:1],
}
KINDS: Final[dict[str, Fields]] = {
    "inherit": INHERITANCE,
    "dispatch": DISPATCH,
    "hop": HOP,
    "join": {**HOP, "k": "join", "heads": "h"},
    "close": {**HOP, "k": "close", "status": "cancelled", "out": None},
    "branch": {**BASE, "k": "branch", "path": "2.0", "node": 1, "join": "j", "plan": "p", "next": NEXT[1:]},
    "turn": {**BASE, "k": "turn", "plan": None, "next": NEXT[:1]},
    "adopt": {
        **BASE,
        "k": "adopt",
        "n": 0,
        "prev": None,
        "aud": "default",
        "workflow": "w",
        "within": None,
        "sub": None,
        "exp": HEAD["at"],
        "input": "i",
        "policy": None,
        "run": "failed",
        "result": None,
        "set": [{"name": "v", "path": "", "n": 1, "digest": "d"}],
        "deeds": [DONE],
        "hops": [ADOPTED],
        "plan": None,
        "next": NEXT,
    },
}


def linked(ring: Ring, keys: Keys, *texts: bytes) -> Chain:
    """Return a chain of records that a trusted key has signed, once everything was asked of it."""
    judge, chain, prev = Judge(ring.keyring(), "default"), Chain(), b""
    for each in texts:
        text = each.replace(b"DISPATCH", prev)
        record = SignedRecord("hop", text, keys.sign(Purpose.RECORD, text))
        link_all(judge, chain, [StoredRecord(HopKey(UUID(HEAD["wf"]), "", 0), 0, record, BEGAN)])
        prev = record.digest.encode()
    for link in chain.all:
        judge.check_counts(link)
        for node in (("", 1), ("2.0", 1), ("", 2)):
            assert chain.heads(node) or chain.at(*node) is not None
    for ask in (hops_of, keys_of, subject_of, within_of, places_of):
        ask(chain)
    is_over(chain, BEGAN)
    has_ended_beside(chain, "2.1/1.0")
    chain.variable("v", "2.0")
    find_unsigned(chain, {("", 1, "v"): "d"}, [], ())
    check_plans(chain, {})
    return chain


@PATIENT
@given(kind=st.sampled_from(sorted(KINDS)), spoil=spoilers())
def test_a_record_of_any_kind_with_odd_fields_is_linked_or_refused(
    ring: Ring, kind: str, spoil: Callable[[bytes], bytes]
):
    ring.grant("api", "dispatch:*", "step:*", "adopt")
    before = [] if KINDS[kind]["prev"] is None else [to_json(DISPATCH)]

    with suppress(MessageRejected):
        linked(ring, ring.keyring("api"), *before, spoil(to_json(KINDS[kind])).replace(b"\n", b""))


@pytest.mark.parametrize("kind", KINDS)
def test_a_record_of_any_kind_is_read_as_it_was_written(ring: Ring, kind: str):
    """Else the test before would find nothing."""
    ring.grant("api", "dispatch:*", "step:*", "adopt")
    before = [] if KINDS[kind]["prev"] is None else [to_json(DISPATCH)]

    with suppress(TamperedMessage):
        linked(ring, ring.keyring("api"), *before, to_json(KINDS[kind]))
        return
    # What it says does not follow: it was read for that.
    with pytest.raises(TamperedMessage, match=r"rev|plan|no branch begins|announced|heads|not the end"):
        linked(ring, ring.keyring("api"), *before, to_json(KINDS[kind]))


@PATIENT
@given(spoil=spoilers())
def test_a_deed_with_odd_fields_is_good_or_refused(ring: Ring, spoil: Callable[[bytes], bytes]):
    ring.grant("api", "operate:*")
    keys, terms = ring.keyring("api"), DeedTerms(DeedVerb.CANCEL, None, "me", "cli", {})
    deed = Deed.of(terms)
    text = spoil(write_deed(deed, terms, "default"))
    made = replace(deed, text=text.decode(errors="replace"), jws=keys.sign(Purpose.DEED, text).decode())

    with suppress(MessageRejected):
        done = verify_deed(keys, "default", StoredDeed(made, BEGAN))
        assert isinstance(done.follows, str | None)


@PATIENT
@given(spoil=spoilers())
def test_a_voucher_with_odd_fields_is_good_or_refused(ring: Ring, spoil: Callable[[bytes], bytes]):
    key, issuer = SigningKey.generate(), ring.keys["api"]
    said = Voucher(key, ("step:draft",), ("default",), BEGAN, BEGAN + timedelta(hours=1), "me")
    text = spoil(write_voucher(said)).decode(errors="replace")
    made = PublishedKey(key.kid, KeyKind.VOUCHER, text, issuer.sign(Purpose.VOUCHER, text.encode()).decode())

    with suppress(MessageRejected):
        verify_voucher(ring.keyring("api").trust, made)


@PATIENT
@given(spoil=spoilers())
def test_evidence_with_odd_fields_is_audited_or_refused(ring: Ring, spoil: Callable[[bytes], bytes]):
    ring.grant("api", "dispatch:*", "step:*", "operate:*")
    codec = ring.codec("api")
    journey = Journey.begin(codec, *STEPS, payload="bees")
    for _ in STEPS:
        journey.leave(codec, {"note": inline("n")})
    keys = ring.keyring("api")
    whole = write_document(document_of(journey.evidence, "default", BEGAN, values=True), keys)
    text = spoil(whole.partition(b'{"evidence":')[2].rpartition(b',"signature"')[0]).replace(b"\n", b"")
    signed = b'{"evidence":%b,"signature":"%b"}\n' % (text, keys.sign(Purpose.EVIDENCE, text))

    with suppress(MessageRejected):
        document, _ = read_document(signed, keys, "default")
        audit_columns(document.run, document.stored_records, document.stored_deeds, Judge(keys, "default"))


def test_a_record_is_not_the_first_one_of_a_run_that_has_begun(ring: Ring):
    other = {**DISPATCH, "workflow": "another"}

    with pytest.raises(TamperedMessage, match="dispatch, record: the run has begun before"):
        linked(ring, ring.keyring("api"), to_json(DISPATCH), to_json(other))


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59.999999+00:00", "0001-01-01T00:00:00+14:00"])
def test_a_time_out_of_all_reckoning_is_tampering(ring: Ring, at: str):
    codec = Spoiling(ring.keyring("api"), 0, lambda text: to_json({**from_json(text), "exp": at}))
    journey = Journey.begin(codec, *STEPS, payload="bees")
    honest = ring.codec("billing")

    with pytest.raises(TamperedMessage, match="out of all reckoning"):
        honest.judge(journey.lease(honest), journey.records)
