"""Joins, hammered: whatever order branches end in, and however they end, a join settles once and loses nobody."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from paigeant.model.entries.fan import OnFault
from paigeant.model.fan.joins import LOW, SUPPLY, Arrival, BranchEnd, Closing, JoinStart, JoinState
from paigeant.model.limits import VALUE_BYTES
from paigeant.model.routing_slip import Branch
from paigeant.model.runs import RunError
from paigeant.model.transition import FanOut
from paigeant.protocol.fan import joins, reopening

starts = st.builds(
    lambda total, needed, window, on_fault: JoinStart(total, min(needed, total), window, on_fault),
    st.integers(1, 40),
    st.integers(1, 40),
    st.integers(1, 9),
    st.sampled_from(OnFault),
)
ends = st.sampled_from([BranchEnd.COMPLETED] * 5 + [BranchEnd.FAILED, BranchEnd.CANCELLED, BranchEnd.STUCK])


class Fan:
    """A node and its branches, played one event after another; ``supply`` is how many are written at a time."""

    def __init__(self, start: JoinStart, supply: int) -> None:
        self.join = JoinState(start)
        self.supply = supply
        self.open = set[int]()
        self.begun = list[int]()
        self.closed = set[int]()
        self.ended = set[int]()
        self.due = True
        self.closes = 0

    def follow(self, change: joins.JoinChange) -> None:
        self.join = change.join
        self.begun += change.released
        self.open |= set(change.released)
        self.closed |= set(change.closed)
        self.due = self.due or change.due
        self.closes += change.closes
        assert len(self.open) <= self.join.start.window
        assert not self.closed & set(self.begun)

    def write_more(self) -> None:
        count = min(self.supply, self.join.start.total - self.join.written)
        self.due = False
        self.follow(joins.supply(self.join, count))

    def end(self, number: int, how: BranchEnd, size: int = 1) -> None:
        self.open.remove(number)
        assert number not in self.ended
        self.ended.add(number)
        self.follow(joins.arrive(self.join, Arrival(Branch(1, number), how, size=size)))


@settings(deadline=None)
@given(starts, st.integers(1, 9), st.data())
def test_a_join_settles_once_and_after_all_its_branches(start: JoinStart, supply: int, data: st.DataObject):
    fan = Fan(start, supply)
    while not fan.join.settled:
        if fan.due and joins.accepts(fan.join) and fan.join.written < start.total:
            fan.write_more()
        assert fan.open or fan.due, "nothing goes on by itself, and the node does not either"
        if fan.open:
            fan.end(data.draw(st.sampled_from(sorted(fan.open))), data.draw(ends))

    assert fan.due
    assert not fan.open
    assert fan.begun == list(range(len(fan.begun)))
    assert fan.ended | fan.closed == set(range(fan.join.written))
    join = fan.join
    assert join.arrived == join.written == join.completed + join.failed + join.cancelled + join.stuck
    assert join.closing is not None or join.written == start.total
    assert fan.closes <= 1


@settings(deadline=None)
@given(starts, st.integers(1, 40), st.integers(0, 40))
def test_a_join_that_is_to_end_lets_nothing_begin(start: JoinStart, written: int, ending: int):
    fan = Fan(start, min(written, start.total))
    fan.write_more()
    for number in sorted(fan.open)[:ending]:
        if fan.join.closing is None:
            fan.end(number, BranchEnd.COMPLETED)
    begun = len(fan.begun)

    fan.follow(joins.close(fan.join))
    for number in sorted(fan.open):
        fan.end(number, BranchEnd.CANCELLED)

    assert len(fan.begun) == begun
    assert fan.join.settled
    assert not joins.accepts(fan.join)


def test_a_join_that_has_enough_cancels_the_rest():
    fan = Fan(JoinStart(5, 1, 3, OnFault.CANCEL), 5)
    fan.write_more()

    fan.end(1, BranchEnd.COMPLETED)

    assert (fan.join.closing, fan.open, fan.closed, fan.closes) == (Closing.ENOUGH, {0, 2}, {3, 4}, 1)


def test_one_that_needs_a_number_tolerates_faults_until_too_few_are_left():
    fan = Fan(JoinStart(3, 2, 3, OnFault.CANCEL), 3)
    fan.write_more()

    fan.end(0, BranchEnd.FAILED)
    assert fan.join.closing is None
    fan.end(1, BranchEnd.FAILED)

    assert fan.join.closing is Closing.FAULT


def test_faults_that_are_skipped_or_waited_for_close_nothing():
    for on_fault in (OnFault.SKIP, OnFault.FINISH):
        fan = Fan(JoinStart(3, 3, 1, on_fault), 3)
        fan.write_more()
        fan.end(0, BranchEnd.FAILED)
        assert (fan.join.closing, fan.open) == (None, {1})


def test_results_that_are_too_large_close_a_join_as_they_arrive():
    fan = Fan(JoinStart(9, 9, 2, OnFault.CANCEL), 9)
    fan.write_more()

    fan.end(0, BranchEnd.COMPLETED, VALUE_BYTES)
    assert fan.join.closing is None
    fan.end(1, BranchEnd.COMPLETED)

    assert fan.join.closing is Closing.SIZE


def test_the_end_of_the_run_does_not_cut_undoing_short():
    join = joins.supply(JoinState(JoinStart(2, 2, 1, OnFault.FINISH, back=True)), 2).join

    assert joins.close(join) == joins.JoinChange(join)
    assert joins.arrive(join, Arrival(Branch(1, 0), BranchEnd.STUCK, ends=True)).released == range(1, 2)


def test_a_node_is_due_again_before_its_branches_run_out():
    start = JoinStart(100_000, 100_000, 10_000, OnFault.CANCEL)
    change = joins.supply(JoinState(start), SUPPLY)
    assert change.due, "all of them began at once, and more could"

    narrow = joins.supply(JoinState(JoinStart(1_000, 1_000, 20, OnFault.CANCEL)), SUPPLY)
    assert not narrow.due
    assert narrow.join.written - narrow.join.released > LOW - 20


def test_branches_that_are_not_needed_settle_the_join_a_second_time():
    fan = Fan(JoinStart(3, 1, 3, OnFault.CANCEL), 3)
    fan.write_more()
    fan.end(0, BranchEnd.COMPLETED)
    fan.end(1, BranchEnd.COMPLETED)
    fan.end(2, BranchEnd.CANCELLED)
    assert fan.join.settled

    again = joins.begin_again(fan.join, 1)
    assert not again.join.settled
    back = joins.arrive(again.join, Arrival(Branch(1, 1), BranchEnd.CANCELLED, undone=True))

    assert (back.join.settled, back.due, back.join.completed) == (True, True, 1)


def test_paths_below_a_node_that_closes_are_told_from_those_beside_it():
    assert joins.is_closing(("3.", "4.1/2."), "3.0/1.5")
    assert joins.is_closing(("4.1/2.",), "4.1/2.7")
    assert not joins.is_closing(("3.", "4.1/2."), "13.0")
    assert not joins.is_closing(("3.", "4.1/2."), "4.1")
    assert not joins.is_closing(("4.1/2.",), "4.12/2.7")
    assert not joins.is_closing(None, "3.0")


@settings(deadline=None)
@given(starts, st.data())
def test_a_join_that_is_reopened_has_each_branch_complete_once(start: JoinStart, data: st.DataObject):
    fan = Fan(start, start.total)
    fan.write_more()
    while fan.open:
        bad = data.draw(st.sampled_from([BranchEnd.COMPLETED, BranchEnd.COMPLETED, BranchEnd.FAILED]))
        fan.end(data.draw(st.sampled_from(sorted(fan.open))), bad)
    completed, lacking = fan.join.completed, fan.join.failed + fan.join.cancelled

    change = reopening.reopen(fan.join, stuck=False)

    if fan.join.enough:
        assert change == reopening.Reopened(fan.join)
        return
    assert (change.join.reopened, change.join.completed, change.join.settled) == (lacking, completed, False)
    assert reopening.reopen(change.join, stuck=False) == change  # once more, before anything of it went on
    again, under_way = joins.supply(change.join, 0), 0
    while not again.join.settled:
        under_way += again.resumed
        assert 0 < under_way <= start.window
        again = joins.arrive(again.join, Arrival(Branch(1, 0), BranchEnd.COMPLETED))
        under_way -= 1
        if again.closed or again.dropped:
            assert again.join.closing is Closing.ENOUGH
            break
    assert again.join.enough


def test_what_could_not_be_undone_is_tried_again_where_its_join_closes():
    fan = Fan(JoinStart(3, 3, 2, OnFault.CANCEL), 3)
    fan.write_more()
    fan.end(0, BranchEnd.STUCK)
    fan.end(1, BranchEnd.CANCELLED)
    assert fan.join.settled

    change = reopening.reopen(fan.join, stuck=True)

    assert (set(change.ends), change.held) == ({BranchEnd.STUCK}, False)
    assert not change.join.settled
    again = joins.arrive(change.join, Arrival(Branch(1, 0), BranchEnd.FAILED, undone=True))
    assert (again.due, again.join.stuck, again.join.failed) == (True, 0, 1)


def test_a_retry_does_not_run_again_what_is_too_large():
    fan = Fan(JoinStart(2, 2, 1, OnFault.CANCEL), 2)
    fan.write_more()
    fan.end(0, BranchEnd.COMPLETED, VALUE_BYTES + 1)

    assert reopening.reopen(fan.join, stuck=False) == reopening.Reopened(fan.join)


def test_a_join_that_can_have_no_more_branches_closes_and_says_why():
    error = RunError(type="TooLarge", message="no more", step="each", path="", position=1)
    begun = joins.supply(JoinState(JoinStart(9, 9, 2, OnFault.SKIP)), 3).join

    change = joins.fan_out(begun, FanOut(error=error), 0)

    assert (change.join.closing, change.join.error, change.closes) == (Closing.FAULT, error, True)
    assert not change.join.enough
    assert joins.fan_out(change.join, FanOut(error=error), 0) == joins.JoinChange(change.join)
