"""Whatever happens, a journey loses nothing, does nothing twice, and undoes exactly the reverse of what it did."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from paigeant.model.entries.step import Step
from paigeant.model.hold import After, Now, Person
from paigeant.model.hops import Grant, Leased, Record
from paigeant.model.limits import STEPS, TAIL
from paigeant.model.message import Headers, PaigeantMessage, Payload, RunHeaders
from paigeant.model.outcomes import Completed, Fault, Faulted, FaultKind, Finished, Parked, Retrying, Revised
from paigeant.model.plan import Undo
from paigeant.model.routing_slip import RoutingSlip
from paigeant.model.runs import Direction, RunStatus, StepStatus
from paigeant.model.transition import Done, Held, Left, RunEnd, Transition
from paigeant.model.values.values import inline
from paigeant.routing.advance import advance
from paigeant.routing.itinerary import identify

RUN = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
NAMES = st.sampled_from(["a", "b", "c", "d"])
FAULTS = st.sampled_from(list(FaultKind)).map(lambda kind: Fault(type="E", message="no", kind=kind))
PLANS = st.lists(NAMES, min_size=1, max_size=6)


def first_message(names: list[str]) -> PaigeantMessage:
    headers = Headers(RunHeaders(RUN, "w", "0" * 32), 1, datetime(2026, 1, 1, tzinfo=UTC))
    slip = RoutingSlip(itinerary=identify(RUN, [Step(name) for name in names]))
    return PaigeantMessage(headers=headers, payload=Payload(input=inline(None)), routing_slip=slip)


def leased(message: PaigeantMessage, record: Record | None = None, undo: Undo = Undo.NEVER) -> Leased:
    grant = Grant(message.key, message.topic, b"", 1, 1, datetime(2026, 1, 2, tzinfo=UTC), record=record)
    return Leased(grant, message, undo)


def start(*names: str) -> PaigeantMessage:
    return first_message(list(names))


def test_the_last_step_completes_the_run_with_its_output():
    transition = advance(leased(start("a")), Completed(inline(7)))

    assert transition.hop == Left(Done(inline(7)))
    assert transition.end == RunEnd(RunStatus.COMPLETED, inline(7))
    assert transition.next == ()


def test_a_retry_keeps_the_position_and_sends_nothing():
    fault = Fault(type="E", message="no")

    transition = advance(leased(start("a", "b")), Retrying(fault, 2.5))

    assert transition == Transition(Held(After(2.5), fault))
    assert transition.hop.status is StepStatus.RETRYING


def test_a_parked_step_waits_for_its_time():
    transition = advance(leased(start("a")), Parked("approval", timedelta(hours=2)))

    assert transition == Transition(Held(After(7200, "approval")))
    assert transition.hop.status is StepStatus.WAITING


def test_a_parked_step_without_a_time_waits_for_a_person():
    transition = advance(leased(start("a")), Parked("approval"))

    assert transition == Transition(Held(Person("approval")))


def test_a_step_of_which_nobody_knows_how_far_it_came_is_undone_first_if_its_compensation_asks_for_that():
    fault = Fault(type="Interrupted", message="died", kind=FaultKind.INTERRUPTED)

    transition = advance(leased(start("a", "b"), undo=Undo.UNKNOWN), Faulted(fault))

    [(message, hold)] = transition.next
    assert message.routing_slip.compensations[0].unknown
    assert message.headers.direction is Direction.COMPENSATE
    assert hold == Now()


def test_an_ordinary_error_does_not_undo_the_step_that_raised_it():
    transition = advance(leased(start("a"), undo=Undo.UNKNOWN), Faulted(Fault(type="E", message="no")))

    assert (transition.end, transition.next) == (RunEnd(RunStatus.FAILED), ())


def test_a_cancel_without_compensation_ends_the_run_as_it_is():
    first = advance(leased(start("a", "b"), undo=Undo.COMPLETED), Completed(inline(1)))
    [(following, _)] = first.next
    fault = Fault(type="Cancelled", message="", kind=FaultKind.CANCELLED)

    transition = advance(leased(following), Faulted(fault, compensate=False))

    assert (transition.hop.status, transition.end) == (StepStatus.CANCELLED, RunEnd(RunStatus.CANCELLED))


def test_a_compensation_that_says_it_was_cancelled_has_failed():
    first = advance(leased(start("a", "b"), undo=Undo.COMPLETED), Completed(inline(1)))
    [(second, _)] = first.next
    turned = advance(leased(second), Faulted(Fault(type="E", message="no")))
    [(undoing, _)] = turned.next
    fault = Fault(type="Cancelled", message="", kind=FaultKind.CANCELLED)

    transition = advance(leased(undoing, Record(None, None)), Faulted(fault))

    assert (transition.hop.status, transition.end) == (StepStatus.FAILED, RunEnd(RunStatus.COMPENSATION_FAILED))


def test_a_run_does_not_end_with_a_status_with_which_it_goes_on():
    with pytest.raises(ValueError, match="does not end waiting"):
        RunEnd(RunStatus.WAITING)


def test_a_revision_beyond_the_largest_run_is_a_fault():
    revised = Revised(inline(1), append=[Step("x")] * STEPS)

    transition = advance(leased(start("a")), revised)

    assert transition.hop.status is StepStatus.FAILED
    assert transition.hop.fault is not None
    assert "2,000" in transition.hop.fault.message


def test_a_step_kept_twice_is_two_steps():
    message = start("a", "b")
    rest = message.routing_slip.itinerary[1:]

    transition = advance(leased(message), Revised(inline(1), replace_rest=[*rest, *rest]))

    [(following, _)] = transition.next
    first, second = following.routing_slip.itinerary
    assert first.id == rest[0].id
    assert second.id != first.id


class Journey(RuleBasedStateMachine):
    """Walks one run through every outcome there is; the store is a dict of what each position came to."""

    @initialize(names=PLANS)
    def dispatch(self, names: list[str]) -> None:
        self.message: PaigeantMessage | None = first_message(names)
        self.status = RunStatus.RUNNING
        self.records: dict[int, tuple[PaigeantMessage, Transition]] = {}
        self.done: list[UUID] = []
        self.undoable: list[tuple[int, UUID]] = []
        self.undone: list[UUID] = []
        self.plan = [step.id for step in self.message.routing_slip.itinerary]

    @precondition(lambda self: self.message is None)
    @rule(names=PLANS)
    def dispatch_another(self, names: list[str]) -> None:
        self.dispatch(names)

    def hop(self, outcome: Any, undo: Undo = Undo.NEVER) -> Transition:
        message = self.message
        assert message is not None
        record = None
        if message.headers.direction is Direction.COMPENSATE:
            undone = self.records[message.routing_slip.compensations[0].position][1].hop
            assert isinstance(undone, Left)
            assert undone.undo is not None
            record = Record(None, None, undone.undo)
        transition = advance(leased(message, record, undo), outcome)
        self.status = RunStatus.RUNNING if transition.end is None else transition.end.status
        if isinstance(transition.hop, Held):
            assert (transition.next, transition.end) == ((), None)
            return transition
        assert message.headers.position not in self.records
        self.records[message.headers.position] = message, transition
        self.message = next((message for message, _ in transition.next), None)
        return transition

    @property
    def back(self) -> bool:
        return self.message is not None and self.message.headers.direction is Direction.COMPENSATE

    @precondition(lambda self: self.message is not None)
    @rule(undo=st.sampled_from(list(Undo)), output=st.integers())
    def complete(self, undo: Undo, output: int) -> None:
        assert self.message is not None
        message, back = self.message, self.back
        self.hop(Completed(inline(output)), undo)
        if back:
            self.undone.append(message.step_id)
        else:
            self.did(message, undo)
            assert self.message is None or self.message.payload.previous == inline(output)

    @precondition(lambda self: self.message is not None and not self.back)
    @rule(undo=st.sampled_from(list(Undo)), added=st.lists(NAMES, max_size=3), drop=st.booleans())
    def revise(self, undo: Undo, added: list[str], *, drop: bool) -> None:
        assert self.message is not None
        message = self.message
        rest = message.routing_slip.itinerary[1:]
        outcome = Revised(inline(1), insert=[Step(n) for n in added], replace_rest=[] if drop else None)
        transition = self.hop(outcome, undo)
        self.did(message, undo)
        kept = [] if drop else [step.id for step in rest]
        now = [step.id for step in self.message.routing_slip.itinerary] if self.message else []
        assert now[len(added) :] == kept
        assert transition.writes.revision is not None
        assert len(transition.writes.revision.added) == len(added)
        self.plan = [*self.done, *now]

    @precondition(lambda self: self.message is not None and not self.back)
    @rule(undo=st.sampled_from(list(Undo)))
    def finish(self, undo: Undo) -> None:
        assert self.message is not None
        message = self.message
        self.hop(Finished(inline("early")), undo)
        self.did(message, undo)
        self.plan = list(self.done)
        assert self.status is RunStatus.COMPLETED

    @precondition(lambda self: self.message is not None)
    @rule(delay=st.floats(0, 100))
    def retry(self, delay: float) -> None:
        before = self.message
        self.hop(Retrying(Fault(type="E", message="again"), delay))
        assert self.message is before

    @precondition(lambda self: self.message is not None)
    @rule()
    def park(self) -> None:
        before = self.message
        self.hop(Parked("for a person"))
        assert self.message is before

    @precondition(lambda self: self.message is not None)
    @rule(fault=FAULTS, undo=st.sampled_from(list(Undo)))
    def fail(self, fault: Fault, undo: Undo) -> None:
        assert self.message is not None
        message, back = self.message, self.back
        transition = self.hop(Faulted(fault), undo)
        if back:
            assert self.status is RunStatus.COMPENSATION_FAILED
            return
        assert isinstance(transition.hop, Left)
        if transition.hop.undo is not None:
            self.undoable.append((message.headers.position, message.step_id))
        assert transition.writes.error is not None
        assert transition.writes.error.position == message.headers.position
        if not self.undoable:
            assert self.status in {RunStatus.FAILED, RunStatus.CANCELLED}

    def did(self, message: PaigeantMessage, undo: Undo) -> None:
        self.done.append(message.step_id)
        if undo is not Undo.NEVER:
            self.undoable.append((message.headers.position, message.step_id))

    @invariant()
    def positions_have_no_gaps(self) -> None:
        if not hasattr(self, "records"):
            return
        assert sorted(self.records) == list(range(1, len(self.records) + 1))
        if self.message is not None:
            assert self.message.headers.position == len(self.records) + 1
            assert self.message.headers.message_id == f"{RUN}:{len(self.records) + 1}"

    @invariant()
    def no_step_is_done_twice_or_lost(self) -> None:
        if not hasattr(self, "records"):
            return
        assert len(set(self.done)) == len(self.done)
        if self.message is not None and not self.back:
            todo = [step.id for step in self.message.routing_slip.itinerary]
            assert [*self.done, *todo] == self.plan
        if self.status is RunStatus.COMPLETED:
            assert self.done == self.plan

    @invariant()
    def what_is_undone_is_the_reverse_of_what_could_be(self) -> None:
        if not hasattr(self, "records"):
            return
        wanted = [step for _, step in reversed(self.undoable)]
        assert self.undone == wanted[: len(self.undone)]
        if self.status is RunStatus.COMPENSATED:
            assert self.undone == wanted

    @invariant()
    def a_final_run_sends_nothing_more(self) -> None:
        if hasattr(self, "status"):
            assert (self.message is None) == self.status.final

    @invariant()
    def the_slip_carries_a_bounded_tail(self) -> None:
        if getattr(self, "message", None) is not None:
            assert self.message is not None
            assert len(self.message.routing_slip.executed) <= TAIL
            assert len(self.message.routing_slip.compensations) <= 1


TestJourney = Journey.TestCase
TestJourney.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
