"""A revision changes what is ahead within its policy, loses no identity, and what it changed can be told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paigeant.errors import RegistrationError
from paigeant.model.entries.entry import Entry, count
from paigeant.model.entries.step import Step
from paigeant.model.entries.switch import Switch
from paigeant.model.entries.wait import Wait
from paigeant.model.hops import Grant, Leased
from paigeant.model.message import Headers, PaigeantMessage, Payload, RunHeaders
from paigeant.model.outcomes import Revised
from paigeant.model.retry import RetryPolicy
from paigeant.model.revision import RevisionPolicy, SlipPolicy
from paigeant.model.routing_slip import RoutingSlip
from paigeant.model.values.values import inline
from paigeant.routing.itinerary import identify
from paigeant.routing.revision import RevisionRefused, revise

RUN = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
NAMES = st.sampled_from(["a", "b", "c", "d"])


def at_step(*entries: str | Entry, agent: bool = False, **limits: Any) -> Leased:
    """Return the step ``plan``, ahead of which are these."""
    steps = [Step(each) if isinstance(each, str) else each for each in ("plan", *entries)]
    policy = SlipPolicy(limits=RevisionPolicy(**limits), agents=True) if limits else None
    slip = RoutingSlip(identify(RUN, steps), policy=policy)
    headers = Headers(RunHeaders(RUN, "w", "0" * 32), 1, datetime(2026, 1, 1, tzinfo=UTC))
    message = PaigeantMessage(headers, Payload(inline(None)), slip)
    return Leased(Grant(message.key, "plan", b"", 1, 1, datetime(2026, 1, 2, tzinfo=UTC)), message, agent=agent)


def revised(**change: Any) -> Revised[Any]:
    return Revised(inline(1), **change)


def test_steps_are_inserted_appended_replaced_and_dropped() -> None:
    leased = at_step("a", "b", Step("c", name="last"))
    rest = leased.message.routing_slip.itinerary.rest

    def labels(**change: Any) -> list[str]:
        return [entry.label for entry in revise(leased, revised(**change)).itinerary]

    assert labels(insert=[Step("x")], append=[Step("y")]) == ["x", "a", "b", "c", "y"]
    assert labels(replace_rest=[rest[2], Step("x")]) == ["c", "x"]
    assert labels(drop=["a", "last"]) == ["b"]


def test_what_a_revision_changed_is_kept_with_its_author_and_where_it_was() -> None:
    revision = revise(at_step("a", "b", "c"), revised(insert=[Step("x")], drop=["b"], reason="b is out")).revision

    assert (revision.author, revision.agent, revision.reason, revision.ahead) == ("plan", False, "b is out", 3)
    assert [(each.at, each.entry.label) for each in revision.added] == [(0, "x")]
    assert [(each.at, each.entry.label) for each in revision.discarded] == [(1, "b")]


def test_an_entry_that_was_changed_is_another() -> None:
    leased = at_step("a")
    [step] = leased.message.routing_slip.itinerary.rest
    changed = Step("a", {"amount": 1}, id=step.id)

    itinerary, _, revision = revise(leased, revised(replace_rest=[changed]))

    assert itinerary[0].id != step.id
    assert [each.entry for each in revision.added] == [Step("a", {"amount": 1})]
    assert [each.entry for each in revision.discarded] == [Step("a")]


NESTED = Switch({"true": ["x", "y"]})


@pytest.mark.parametrize(
    ("policy", "change", "said"),
    [
        ({"allow": ["x"]}, {"insert": [Step("y")]}, "it adds 'y', and allow has 'x'"),
        ({"allow": ["x"]}, {"insert": [NESTED]}, "it adds 'y', and allow has 'x'"),
        ({"allow": []}, {"append": [Step("y")]}, "it adds 'y', and allow has nothing"),
        ({"max_added": 2}, {"insert": [NESTED]}, r"adds 3 entries \('switch'\) to 0 added before, and max_added is 2"),
        ({"max_total": 3}, {"insert": [Step("x")]}, "makes 4 entries in all by adding 'x', and max_total is 3"),
        ({"forbid_drop": ["b"]}, {"drop": ["b"]}, "it drops 'b', and forbid_drop has 'b'"),
        ({"forbid_drop": ["b"]}, {"replace_rest": []}, "it drops 'b', and forbid_drop has 'b'"),
        ({}, {"append": [Step("x")] * 2000}, "it makes the run 2,003 entries long, and at most 2,000 are allowed"),
        ({}, {"drop": ["bb"]}, "step 'plan' drops 'bb', which is not ahead; did you mean 'b'?"),
    ],
)
def test_what_the_policy_does_not_allow_is_refused_by_rule_and_step(policy: Any, change: Any, said: str) -> None:
    with pytest.raises(RevisionRefused, match=f"the revision of step 'plan' .*{said}|{said}"):
        revise(at_step("a", "b", **policy), revised(**change))


def test_what_was_added_counts_along_the_path() -> None:
    policy = revise(at_step("a", max_added=3), revised(insert=[Step("x"), Step("y")])).policy

    assert policy is not None
    assert (policy.added, policy.limits.max_added) == (2, 3)


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (Wait("approved"), "it adds a wait, and an agent adds steps only"),
        (NESTED, "it adds a switch, and an agent adds steps only"),
        (Step("x", when="true"), "it adds 'x' with a condition or options"),
        (Step("x", retry=RetryPolicy()), "it adds 'x' with a condition or options"),
        (Step("x", elsewhere=True), "it adds 'x' with a condition or options"),
    ],
)
def test_an_agent_adds_plain_steps_only(entry: Entry, said: str) -> None:
    with pytest.raises(RevisionRefused, match=said):
        revise(at_step("a", agent=True, max_added=9), revised(insert=[entry]))

    assert revise(at_step("a", agent=True, max_added=9), revised(insert=[Step("x", {"n": 1}, name="y")])).revision.agent


def test_an_agent_revises_nothing_without_a_policy_of_the_workflow() -> None:
    of_dispatch = SlipPolicy.of(None, RevisionPolicy(max_added=3))

    assert of_dispatch is not None
    assert not of_dispatch.agents
    with pytest.raises(RevisionRefused, match="an agent revises only a workflow with a policy"):
        revise(at_step("a", agent=True), revised(drop=["a"]))


def test_a_dispatch_narrows_and_never_widens() -> None:
    workflow = RevisionPolicy(("a", "b"), max_added=3, forbid_drop=("c",))
    dispatch = RevisionPolicy(("b", "d"), max_added=9, max_total=5, forbid_drop=("e", "c"))

    assert SlipPolicy.of(None, None) is None
    assert SlipPolicy.of(workflow, None) == SlipPolicy(limits=workflow, agents=True)
    assert SlipPolicy.of(workflow, dispatch) == SlipPolicy(
        limits=RevisionPolicy(("b",), max_added=3, max_total=5, forbid_drop=("c", "e")), agents=True
    )


@pytest.mark.parametrize("wrong", [{"max_added": -1}, {"max_total": True}, {"allow": ["no name"]}, {"forbid": ["a"]}])
def test_a_policy_that_is_none_is_refused_where_it_is_written(wrong: Any) -> None:
    with pytest.raises(RegistrationError, match=r"test_revision\.py:\d+: RevisionPolicy"):
        RevisionPolicy(**wrong)


@given(ahead=st.lists(NAMES, max_size=5), added=st.lists(NAMES, max_size=3), kept=st.lists(st.integers(0, 4)))
def test_what_was_added_and_discarded_leads_from_the_old_way_to_the_new(
    ahead: list[str], added: list[str], kept: list[int]
) -> None:
    leased = at_step(*ahead)
    rest = leased.message.routing_slip.itinerary.rest
    keep = [rest[index] for index in sorted(set(kept)) if index < len(rest)]

    itinerary, _, revision = revise(leased, revised(insert=[Step(name) for name in added], replace_rest=keep))

    gone = {each.at for each in revision.discarded}
    new = {each.at for each in revision.added}
    remained = [entry.id for index, entry in enumerate(rest) if index not in gone]
    assert remained == [entry.id for index, entry in enumerate(itinerary) if index not in new]
    assert count(itinerary) == revision.ahead == len(remained) + len(new)
