"""The routing slip is a value: what is done goes from its front to its back, and nothing is done twice."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paigeant.model.entries.entry import entry_id
from paigeant.model.entries.step import Step
from paigeant.model.limits import TAIL
from paigeant.model.plan_text import Itinerary, Planned, PlanText
from paigeant.model.routing_slip import RoutingSlip
from paigeant.routing.itinerary import identify

RUN = UUID("01890000-0000-7000-8000-000000000001")


def slip_of(*names: str) -> RoutingSlip:
    return RoutingSlip(itinerary=identify(RUN, [Step(name) for name in names]))


def test_the_next_step_is_the_first_of_the_itinerary() -> None:
    assert slip_of("draft", "review").next_step() == slip_of("draft").itinerary[0]
    assert slip_of().next_step() is None


def test_marking_complete_returns_a_new_slip_and_leaves_the_old_one() -> None:
    before = slip_of("draft", "review")

    after = before.mark_complete(1)

    assert [step.label for step in before.itinerary] == ["draft", "review"]
    assert [step.label for step in after.itinerary] == ["review"]
    [record] = after.executed
    assert (record.position, record.activity, record.step_id) == (1, "draft", before.itinerary[0].id)


def test_only_the_newest_step_that_can_be_undone_is_the_head() -> None:
    slip = slip_of("draft", "review", "print")

    slip = slip.mark_complete(1, compensable=True)
    assert [(undo.position, undo.activity) for undo in slip.compensations] == [(1, "draft")]
    slip = slip.mark_complete(2)
    assert [undo.activity for undo in slip.compensations] == ["draft"]
    slip = slip.mark_complete(3, compensable=True)
    assert [(undo.position, undo.activity) for undo in slip.compensations] == [(3, "print")]


def test_nothing_can_be_completed_at_the_end_of_the_journey() -> None:
    with pytest.raises(ValueError, match="no step left"):
        slip_of().mark_complete(1)


def test_each_step_ahead_has_the_identity_of_its_place() -> None:
    slip = RoutingSlip(
        itinerary=Itinerary(PlanText([Planned(Step("draft"), place="3.0"), Planned(Step("draft"))]), RUN)
    )

    assert [step.id for step in slip.itinerary] == [entry_id(RUN, "", "3.0"), entry_id(RUN, "", "1")]
    assert [step.id for step in slip.mark_complete(1).itinerary] == [entry_id(RUN, "", "1")]


@given(st.lists(st.sampled_from(["draft", "review"]), max_size=50), st.data())
def test_what_is_done_and_what_remains_are_the_plan(names: list[str], data: st.DataObject) -> None:
    plan = slip_of(*names)
    slip, done = plan, []

    for position in range(1, data.draw(st.integers(0, len(names))) + 1):
        done.append(slip.next_step())
        slip = slip.mark_complete(position, compensable=data.draw(st.booleans()))

    assert (*done, *slip.itinerary) == plan.itinerary
    assert len(slip.executed) == min(len(done), TAIL)
    assert [record.step_id for record in slip.executed] == [step.id for step in done[-TAIL:] if step is not None]
    assert len(slip.compensations) <= 1
