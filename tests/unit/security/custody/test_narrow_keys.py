"""A worker whose key is for one step tries all else, with that key and the store's doors open: the next one refuses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

import pytest
from pydantic_core import from_json, to_json

from paigeant.errors import TamperedMessage
from paigeant.model.custody.records import SignedRecord
from paigeant.model.entries.entry import FLOW
from paigeant.model.people.deeds import Deed, DeedTerms, DeedVerb, StoredDeed
from paigeant.model.revision import RevisionPolicy, SlipPolicy
from paigeant.model.values.digests import digest_of
from paigeant.security.custody.deeds import verify_deed, write_deed
from paigeant.security.custody.purposes import Purpose
from paigeant.security.custody.records import said_of
from paigeant.security.frame import read_frame, write_frame

from .conftest import Journey, Ring

STEPS: Final = ("draft", "review", "print")
Fields = dict[str, Any]


@pytest.fixture
def narrow(ring: Ring) -> Ring:
    ring.grant("intern", "step:draft")
    return ring


def _closes(**more: Any) -> Callable[[Fields], Fields]:
    return lambda said: said | {"k": "close", "step": "review", **more}


def _only(*names: str, **more: Any) -> Callable[[Fields], Fields]:
    """Return what makes a record of another kind, of some of its fields."""
    return lambda said: {name: more.get(name, said.get(name)) for name in names}


ANOTHER: Final = "01890000-0000-7000-8000-000000000000"
SHORT: Final = ("k", "wf", "path", "n", "prev", "by", "at")
TRIES: Final[dict[str, tuple[Callable[[Fields], Fields], str]]] = {
    "leaves the hop of another step": (lambda said: said, "signer: intern may not step:review"),
    "says that the hop was its own": (lambda said: said | {"step": "draft"}, "plan: it does not go on"),
    "says that it was a node": (lambda said: said | {"step": FLOW}, "plan: it does not go on"),
    "says that it was a join": (lambda said: said | {"k": "join"}, "signer: intern may not step:review"),
    "skips it": (lambda said: said | {"step": FLOW, "status": "skipped"}, "plan: it does not go on"),
    "ends it as done": (_closes(), "status: it was ended without its step, and is completed"),
    "ends it, and goes on": (_closes(status="failed", out=None, did=[], plan=None), "message: not what|plan: not what"),
    "revises what is ahead": (
        lambda said: said | {"rev": {"from": said["plan"], "to": said["plan"], **said_of(None)}, "step": "draft"},
        "rev: it revises another plan",
    ),
    "begins a branch": (
        _only(*SHORT, "node", "join", "plan", "next", k="branch", node=2),
        "path: no branch begins there",
    ),
    "turns a child round": (
        _only(*SHORT, "plan", "next", k="turn", plan=None),
        "is not the end of a run that completed",
    ),
    "says that it is of another run": (lambda said: said | {"wf": ANOTHER}, "wf: the record before is of another"),
    "says that it follows nothing": (lambda said: said | {"prev": None}, "prev: Input should be a valid string"),
    "says that it is somewhere else": (lambda said: said | {"n": 3}, "announced no such hop|message"),
}


def _forge(ring: Ring, journey: Journey, change: Callable[[Fields], Fields]) -> None:
    """Have the intern sign the newest record of a run as it likes, and send the message with it."""
    newest = journey.records[-1]
    text = to_json(change(from_json(newest.record.text)))
    forged = SignedRecord(newest.record.kind, text, ring.keyring("intern").sign(Purpose.RECORD, text))
    journey.records[-1] = newest._replace(record=forged)
    body = write_frame(read_frame(journey.sealed.body).body, text, forged.jws)
    journey.sealed = journey.sealed._replace(body=body)


@pytest.mark.parametrize(("change", "why"), TRIES.values(), ids=TRIES)
def test_what_it_signs_of_another_step_is_refused_by_the_next_one(
    narrow: Ring, change: Callable[[Fields], Fields], why: str
):
    journey = Journey.begin(narrow.codec("api"), *STEPS, payload="bees")
    journey.leave(narrow.codec("billing"))
    journey.leave(narrow.codec("intern"))
    _forge(narrow, journey, change)
    honest = narrow.codec("billing")

    with pytest.raises(TamperedMessage, match=why):
        honest.judge(journey.lease(honest), journey.records)


def test_its_own_hop_is_good(narrow: Ring):
    journey = Journey.begin(narrow.codec("api"), *STEPS, payload="bees")
    journey.leave(narrow.codec("intern"))
    honest = narrow.codec("billing")

    honest.judge(journey.lease(honest), journey.records)


def test_it_dispatches_nothing(narrow: Ring):
    journey = Journey.begin(narrow.codec("intern"), *STEPS, payload="bees")
    honest = narrow.codec("billing")

    with pytest.raises(TamperedMessage, match="dispatch, signer: intern may not dispatch:article"):
        honest.judge(journey.lease(honest), journey.records)


def test_it_does_not_change_the_policy_of_the_dispatcher(narrow: Ring):
    journey = Journey.begin(narrow.codec("api"), *STEPS, payload="bees")
    intern, honest = narrow.codec("intern"), narrow.codec("billing")
    journey.leave(intern)
    message = journey.lease(intern).message
    slip = replace(message.routing_slip, policy=SlipPolicy(limits=RevisionPolicy(max_added=99), agents=True))
    body = intern.write(replace(message, routing_slip=slip))
    _, record, jws = read_frame(journey.sealed.body)
    journey.sealed = journey.sealed._replace(body=write_frame(body, record, jws or b""))
    _forge(narrow, journey, lambda said: said | {"next": [{"path": "", "n": 2, "body": digest_of(body)}]})

    with pytest.raises(TamperedMessage, match="policy: not what api signed with the dispatch"):
        honest.judge(journey.lease(honest), journey.records)


@pytest.mark.parametrize("verb", [each for each in DeedVerb if each != DeedVerb.ADOPT])
def test_no_deed_counts_that_it_signs(narrow: Ring, verb: DeedVerb):
    journey = Journey.begin(narrow.codec("api"), *STEPS)
    terms = DeedTerms(verb, journey.message.headers.workflow_id, "ann", "cli", {"name": "note", "value": None})
    made = Deed.of(terms)
    text = write_deed(made, terms, "default")
    jws = narrow.keyring("intern").sign(Purpose.DEED, text).decode()
    signed = StoredDeed(replace(made, text=text.decode(), jws=jws), journey.now)

    with pytest.raises(TamperedMessage, match=f"signer: intern may not operate:{verb}"):
        verify_deed(narrow.keyring("billing"), "default", signed)
