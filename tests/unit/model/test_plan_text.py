"""The text of a plan is made once, and each message takes its end, or names the place where that lies."""

from __future__ import annotations

import hashlib
import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paigeant.model.entries.step import Step
from paigeant.model.limits import INLINE_BYTES, PLAN_BYTES, STEPS
from paigeant.model.plan_text import Itinerary, Planned, PlanRef, PlanText, plan_of
from paigeant.model.stored.plans import read_plan
from paigeant.model.values.values import Blob

RUN = UUID("01890000-0000-7000-8000-000000000001")


@given(st.lists(st.text(min_size=0, max_size=5), max_size=6), st.integers(0, 6))
def test_what_is_ahead_is_the_end_of_the_whole(arguments: list[str], at: int) -> None:
    plan = plan_of([Step("draft", {"text": text}) for text in arguments])
    at = min(at, len(arguments))

    ahead = plan.ahead(at)

    assert json.loads(ahead) == json.loads(plan.blob.json)[at:]
    assert plan.size_ahead(at) == len(ahead)
    assert hashlib.sha256(plan.ahead(0)).hexdigest() == plan.digest == plan.blob.sha256


def test_up_to_four_kilobytes_travel_and_what_is_longer_is_named() -> None:
    one = len(plan_of([Step("draft")]).ahead(0)) - 1
    fitting = (INLINE_BYTES - 1) // one
    plan = plan_of([Step("draft")] * (fitting + 2))

    assert Itinerary(plan, RUN, at=2).ref is None
    assert Itinerary(plan, RUN, at=1).ref == PlanRef(plan.digest, 1)


def test_a_plan_that_was_read_keeps_the_digest_of_its_bytes() -> None:
    """However they were written: the digest is what travels on."""
    text = b'[ {"activity": "draft"}, {"activity":"review"} ]'
    stored = Blob(hashlib.sha256(text).hexdigest(), text)

    plan = read_plan(stored)

    assert plan.digest == stored.sha256
    assert plan.blob is stored
    assert [entry.label for entry, _ in plan.entries] == ["draft", "review"]


def test_steps_of_a_plan_that_is_missing_cannot_be_read() -> None:
    plan = PlanText([Planned(Step("draft")), Planned(Step("review"), place="3.0")])
    itinerary = Itinerary(plan.digest, RUN, at=1, first=0)

    assert itinerary.missing == plan.digest
    assert itinerary.ref == PlanRef(plan.digest, 1)
    assert itinerary == Itinerary(plan.digest, RUN, at=1)
    assert itinerary != Itinerary(plan, RUN, at=1)
    for read in (len, list, bool, lambda each: each.step_id, lambda each: each.rest):
        with pytest.raises(LookupError, match=plan.digest):
            read(itinerary)
    found = itinerary.found_in(plan)
    assert found == Itinerary(plan, RUN, at=1)
    assert found.missing is None


def test_a_plan_that_ends_before_the_step_that_is_next_is_another() -> None:
    plan = plan_of([Step("draft")])

    with pytest.raises(ValueError, match="has 1 steps"):
        Itinerary(plan.digest, RUN, at=1).found_in(plan)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b'[{"activity":"a"}' + b',{"activity":"a"}' * STEPS + b"]", f"{STEPS + 1} entries"),
        (b" " * (PLAN_BYTES + 1), "more than"),
        (b"[" * 100, "deeper"),
        (b'[{"activity":"a","id":"01890000-0000-7000-8000-000000000001"}]', "id"),
    ],
)
def test_a_plan_that_no_run_may_have_is_not_read(text: bytes, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        read_plan(Blob("", text))
