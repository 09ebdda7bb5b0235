"""What is next follows from the conditions alone: nothing is lost or comes twice, and each position is used once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from paigeant.model.entries.entry import FLOW, Entry
from paigeant.model.entries.step import Step
from paigeant.model.entries.switch import Switch
from paigeant.model.hops import Grant, Leased
from paigeant.model.message import Headers, PaigeantMessage, Payload, RunHeaders
from paigeant.model.outcomes import Completed, Passed
from paigeant.model.runs import RunStatus
from paigeant.model.values.values import inline
from paigeant.routing.advance import advance
from paigeant.routing.conditions import asked_by, begin
from paigeant.routing.itinerary import identify

RUN = UUID("01890a5d-ac96-774b-bcce-b302099a8057")
NAMES = ("p", "q", "r")
CONDITIONS = st.sampled_from([None, *NAMES, "!p", "p && q", "true", "false"])
STEPS = st.builds(Step, st.sampled_from("abcd"), when=CONDITIONS)
ENTRIES: st.SearchStrategy[Sequence[Entry]] = st.recursive(
    st.lists(STEPS, max_size=3),
    lambda inner: st.lists(
        STEPS
        | st.builds(
            lambda when, then, otherwise: Switch({when: then}, default=otherwise),
            st.sampled_from(NAMES),
            inner.filter(lambda entries: len(entries) < 3),
            inner.filter(lambda entries: len(entries) < 3),
        ),
        max_size=3,
    ),
    max_leaves=4,
)
VALUES = st.fixed_dictionaries(dict.fromkeys(NAMES, st.booleans()))


def expected(entries: Sequence[Entry], values: dict[str, bool]) -> list[str]:
    """Return the activities that run, by hand."""
    truth = {None: True, "true": True, "false": False, **values}
    truth |= {"!p": not values["p"], "p && q": values["p"] and values["q"]}
    found: list[str] = []
    for entry in entries:
        if isinstance(entry, Switch):
            [(when, inner)] = entry.ordered
            found += expected(inner if truth[when] else entry.otherwise, values)
        elif isinstance(entry, Step) and truth[entry.when]:
            found.append(entry.activity)
    return found


@settings(deadline=None)  # the first condition loads the library
@given(ENTRIES, VALUES)
def test_what_runs_is_what_the_conditions_say_in_order_and_each_position_is_used_once(
    entries: Sequence[Entry], values: dict[str, bool]
) -> None:
    seen = {name: to_json(value) for name, value in values.items()}
    run = RunHeaders(RUN, "w", "0" * 32)
    slip, passed = begin(identify(RUN, [Step("first"), *entries]), seen)
    message: PaigeantMessage | None = PaigeantMessage(
        Headers(run, 1, datetime(2026, 1, 1, tzinfo=UTC)), Payload(inline(None)), slip
    )
    ran: list[str] = []
    positions: list[int] = []
    ids: list[UUID] = []
    assert passed == ()
    while message is not None:
        ran.append(message.topic)
        positions.append(message.headers.position)
        ids.append(message.step_id)
        grant = Grant(message.key, message.topic, b"", 1, 1, datetime(2026, 1, 2, tzinfo=UTC))
        transition = advance(Leased(grant, message, seen=seen), Completed(inline(1)))
        positions += [each.position for each in transition.passed]
        ids += [each.step_id for each in transition.passed]
        message = transition.next[0].message if transition.next else None
        assert (message is None) == (transition.end is not None)

    assert ran == ["first", *expected(entries, values)]
    assert positions == list(range(1, len(positions) + 1))
    assert len(set(ids)) == len(ids)


def test_what_a_condition_asks_for_is_known_before_it_is_evaluated() -> None:
    entries = [
        Step("a", when="x.y > 1"),
        Switch({"vars['look-up']": [Step("b", when="z")]}, default=["c"]),
        Step("d"),
        Step("e", when="too_late"),
    ]

    assert asked_by(entries) == {"x", "look-up", "z"}
    ahead = identify(RUN, entries)
    for start in range(len(entries) + 1):
        assert asked_by(ahead) == asked_by(entries[start:])
        ahead = ahead.rest if ahead else ahead
    assert asked_by(identify(RUN, entries[3:])) == {"too_late"}


def test_a_condition_that_cannot_be_evaluated_is_for_a_hop_of_the_workers_own() -> None:
    slip, passed = begin(identify(RUN, [Step("a", when="false"), Step("b", when="x > 1"), Step("c")]), {"x": b'"text"'})

    message = PaigeantMessage(
        Headers(RunHeaders(RUN, "w", "0" * 32), 2, datetime(2026, 1, 1, tzinfo=UTC)), Payload(inline(None)), slip
    )
    assert [each.position for each in passed] == [1]
    assert (message.topic, message.label) == (FLOW, "b")
    grant = Grant(message.key, FLOW, b"", 1, 1, datetime(2026, 1, 2, tzinfo=UTC))

    failed = advance(Leased(grant, message, seen={"x": b'"text"'}), Passed())
    fixed = advance(Leased(grant, message, seen={"x": b"2"}), Passed())

    assert failed.end is not None
    assert failed.end.status is RunStatus.FAILED
    assert failed.writes.error is not None
    assert "x is 'text' (text)" in failed.writes.error.message
    [(following, _)] = fixed.next
    assert (following.topic, following.headers.position) == ("b", 3)
    assert following.step_id != message.step_id
