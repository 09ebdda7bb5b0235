"""A good key does not begin another branch than the plan has, nor add what the policy forbids."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pytest

from paigeant.abc import Departure
from paigeant.errors import TamperedMessage
from paigeant.model.entries.parallel import Parallel
from paigeant.model.entries.step import Step
from paigeant.model.entries.switch import Switch
from paigeant.model.fan.outcomes import FannedOut
from paigeant.model.hops import Leased
from paigeant.model.message import PaigeantMessage
from paigeant.model.outcomes import Completed, Revised
from paigeant.model.revision import RevisionPolicy, SlipPolicy
from paigeant.model.routing_slip import RoutingSlip
from paigeant.model.transition import Transition
from paigeant.model.values.values import NULL, inline
from paigeant.routing.advance import advance
from paigeant.routing.fan.branches import begin_parallel, write_branch
from paigeant.security.signed import SignedCodec
from tests.unit.security.custody.conftest import Journey, Ring

POLICY = SlipPolicy(limits=RevisionPolicy(allow=("paint",), max_added=2, forbid_drop=("print",)))


def _under(policy: SlipPolicy | None) -> Callable[[PaigeantMessage], PaigeantMessage]:
    return lambda message: replace(message, routing_slip=replace(message.routing_slip, policy=policy))


def _begin(codec: SignedCodec, *steps: Any) -> Journey:
    return Journey.begin(codec, *steps, policy=POLICY)


def _leave(journey: Journey, codec: SignedCodec, decide: Callable[[Leased], Transition]) -> Leased:
    """Leave the next hop as a worker decides that obeys nobody, and keep what it has signed."""
    leased = journey.lease(codec)
    transition = decide(leased)
    hop = codec.depart(leased, Departure("worker", transition))
    for record in (hop.record, *hop.branches):
        if record is not None:
            journey.keep(leased.grant.key, 1, record)
    journey.sealed = hop.messages[0]
    return leased


def _judged(journey: Journey, codec: SignedCodec, *before: Leased) -> None:
    """Judge the next hop as a worker that has seen nothing, and has what lies in the store."""
    leased = journey.lease(codec)
    codec.judge(leased, journey.records)
    messages = {one.grant.key: one.message for one in (*before, leased)}
    assert codec.wanted_plans(leased)
    codec.judge_plans(leased, messages)
    assert not codec.wanted_plans(leased)


def _revise(outcome: Revised[Any], *, rogue: bool = False, silent: bool = False) -> Callable[[Leased], Transition]:
    """Return what a step that revises comes to; a ``rogue`` judges nothing, a ``silent`` one does not say so."""

    def decide(leased: Leased) -> Transition:
        if not rogue:
            return advance(leased, outcome)
        free = replace(leased, message=_under(None)(leased.message))
        made = advance(free, outcome)
        policy = leased.message.routing_slip.policy
        following = tuple((_under(policy)(message), how) for message, how in made.next)
        writes = replace(made.writes, revision=None) if silent else made.writes
        return replace(made, next=following, writes=writes)

    return decide


def test_a_revision_within_the_policy_is_believed(ring: Ring):
    codec = ring.codec("billing")
    journey = _begin(ring.codec("api"), "draft", "review", "print")
    left = _leave(journey, codec, _revise(Revised(NULL, insert=[Step("paint")], drop=["review"])))

    _judged(journey, ring.codec("billing"), left)


REFUSED = {
    "adds what nobody allows": (Revised(NULL, insert=[Step("steal")]), "it adds 'steal', and allow has"),
    "adds more than may be": (Revised(NULL, append=[Step("paint")] * 3), "max_added is 2"),
    "drops what may not be": (Revised(NULL, drop=["print"]), "it drops 'print', and forbid_drop"),
    "hides it in a node": (Revised(NULL, append=[Parallel(a=["steal"], b=["paint"])]), "it adds 'steal'"),
    "hides it in a switch": (
        Revised(NULL, append=[Switch({"payload == 1": [Step("steal")]}, default=["paint"])]),
        "it adds 'steal'",
    ),
}


@pytest.mark.parametrize(("outcome", "why"), REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("silent", ["", "silent"])
def test_a_revision_that_the_dispatcher_does_not_allow_is_refused_by_the_next_worker(
    ring: Ring, outcome: Revised[Any], why: str, silent: str
):
    journey = _begin(ring.codec("api"), "draft", "review", "print")
    left = _leave(journey, ring.codec("billing"), _revise(outcome, rogue=True, silent=bool(silent)))

    with pytest.raises(TamperedMessage, match="says of no revision" if silent else why) as found:
        _judged(journey, ring.codec("billing"), left)

    assert str(found.value).startswith("position 1, ")


def test_what_revisions_add_is_counted_over_all_of_them(ring: Ring):
    billing = ring.codec("billing")
    journey = _begin(ring.codec("api"), "draft", "review", "print")
    first = _leave(journey, billing, _revise(Revised(NULL, append=[Step("paint")] * 2)))
    again = _leave(journey, billing, _revise(Revised(NULL, append=[Step("paint")]), rogue=True))

    with pytest.raises(TamperedMessage, match=r"position 2, rev: .*max_added is 2"):
        _judged(journey, ring.codec("billing"), first, again)


def test_a_case_of_a_switch_is_no_revision(ring: Ring):
    switch = Switch({"payload == 1": [Step("review"), Step("paint")]}, default=[Step("print")])
    skipped = Step("review", when="payload == 2")
    journey = _begin(ring.codec("api"), "draft", skipped, switch, "print")

    def decide(leased: Leased) -> Transition:
        return advance(replace(leased, seen={"payload": b"1"}), Completed(inline(1)))

    left = _leave(journey, ring.codec("billing"), decide)

    _judged(journey, ring.codec("billing"), left)


def test_a_message_that_was_edited_is_no_plan(ring: Ring):
    journey = _begin(ring.codec("api"), "draft", "review", "print")
    left = _leave(journey, ring.codec("billing"), _revise(Revised(NULL, insert=[Step("steal")]), rogue=True))
    slip: RoutingSlip = left.message.routing_slip
    other = replace(left, message=replace(left.message, routing_slip=replace(slip, itinerary=slip.itinerary.rest)))

    for given in ([other], []):
        with pytest.raises(TamperedMessage, match="position 1, plan: the message that it is in is not in the store"):
            _judged(journey, ring.codec("billing"), *given)


def _fan_out(*steps: Sequence[str]) -> Callable[[Leased], Transition]:
    """Begin the branches of a parallel, with these steps instead of its own."""

    def decide(leased: Leased) -> Transition:
        entry = leased.message.routing_slip.itinerary.next
        assert isinstance(entry, Parallel)
        made = begin_parallel(leased, entry)
        assert isinstance(made, FannedOut)
        others = [write_branch([Step(step) for step in each]) for each in steps]
        begun = tuple(replace(one, entries=other) for one, other in zip(made.branches, others, strict=bool(steps)))
        return advance(leased, replace(made, branches=begun) if steps else made)

    return decide


def test_a_branch_begins_what_its_node_has(ring: Ring):
    journey = Journey.begin(ring.codec("api"), Parallel(a=["draft", "review"], b=["print"]))
    node = _leave(journey, ring.codec("billing"), _fan_out())

    _judged(journey, ring.codec("billing"), node)


@pytest.mark.parametrize("steps", [[["steal"], ["print"]], [["review", "draft"], ["print"]], [["print"], ["draft"]]])
def test_a_branch_that_begins_something_else_is_refused(ring: Ring, steps: list[list[str]]):
    journey = Journey.begin(ring.codec("api"), Parallel(a=["draft", "review"], b=["print"]))
    node = _leave(journey, ring.codec("billing"), _fan_out(*steps))

    with pytest.raises(TamperedMessage, match=r"branch 1\.0, plan: billing began another than position 1 has for it"):
        _judged(journey, ring.codec("billing"), node)
