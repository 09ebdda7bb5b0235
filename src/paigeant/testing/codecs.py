"""Contract suite of codecs: a sealed message opens to the same message, and nothing else opens."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from abc import ABC, abstractmethod
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import JsonValue

from paigeant.abc import Codec
from paigeant.errors import InvalidInput, MessageRejected
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.sleep import Sleep
from paigeant.model.entries.step import OnInterrupt, Step
from paigeant.model.entries.switch import Switch
from paigeant.model.entries.wait import Wait
from paigeant.model.limits import BODY_BYTES, DEPTH, NESTED, STEPS
from paigeant.model.message import PaigeantMessage, Payload, SecurityContext, Trail
from paigeant.model.outcomes import Fault
from paigeant.model.plan_text import Itinerary
from paigeant.model.retry import RetryPolicy
from paigeant.model.revision import RevisionPolicy, SlipPolicy
from paigeant.model.routing_slip import NOTHING_AHEAD, Compensation, Executed
from paigeant.model.runs import Direction
from paigeant.model.secrecy.grants import IdentityPolicy
from paigeant.model.secrecy.secrets import SecretPolicy
from paigeant.model.spending.budgets import Budget
from paigeant.model.stored.plans import read_plan
from paigeant.model.values.values import Ref, inline
from paigeant.testing.builders import FAULT, new_message

_CHECKS: Final = [HealthCheck.differing_executors, HealthCheck.too_slow]
"""Disabled checks: each test makes its own codec, and pauses of a shared machine say nothing about it."""

RUN = UUID("01890000-0000-7000-8000-000000000001")

texts: st.SearchStrategy[str] = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
json_values: st.SearchStrategy[JsonValue] = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
faults: st.SearchStrategy[Fault] = st.builds(Fault, type=texts, message=texts, where=st.none() | texts)
steps: st.SearchStrategy[Step] = st.builds(
    Step,
    activity=st.sampled_from(["draft", "review", "print-2.1"]),
    arguments=st.dictionaries(texts, json_values, max_size=2),
    retry=st.none() | st.builds(RetryPolicy, max_attempts=st.integers(1, 9), retry_on=st.just(("TimeoutError",))),
    timeout=st.none() | st.floats(0.1, 1e6),
    on_interrupt=st.none() | st.sampled_from(OnInterrupt),
    elsewhere=st.booleans(),
    when=st.none() | st.just("amount > 100"),
    name=st.none() | st.just("receipt"),
    claims=st.dictionaries(texts, st.builds(Ref, sha256=texts, size=st.integers(0)), max_size=1),
)
within: st.SearchStrategy[list[Entry]] = st.lists(steps, max_size=1)
entries: st.SearchStrategy[Entry] = st.one_of(
    steps,
    st.builds(Wait, signal=st.just("approved"), timeout=st.none() | st.floats(0.1, 1e6)),
    st.builds(Sleep, duration=st.floats(0.1, 1e6)),
    st.builds(Switch, cases=st.fixed_dictionaries({"amount > 100": within}), default=within),
)

policies: st.SearchStrategy[SlipPolicy] = st.builds(
    SlipPolicy,
    limits=st.builds(RevisionPolicy, allow=st.none() | st.just(("draft",)), max_added=st.none() | st.integers(0, 9)),
    agents=st.booleans(),
    added=st.integers(0, 9),
)


handles: st.SearchStrategy[str] = st.sampled_from([f"grant:{'a-9_Z' * 8}abc", f"grant:{'0' * 43}"])
identities: st.SearchStrategy[IdentityPolicy] = st.sampled_from(
    [IdentityPolicy(audiences={}), IdentityPolicy(audiences={"crm": ("read", "write"), "api://erp": ()})]
)
secrets: st.SearchStrategy[SecretPolicy] = st.builds(
    SecretPolicy, readers=st.just({"card": ("charge", "refund")}), origins=st.just(()) | st.just((RUN,))
)
budgets: st.SearchStrategy[Budget] = st.builds(
    Budget,
    usd=st.decimals(0, 1_000, places=6).filter(bool),
    tokens=st.none() | st.integers(1, 10**9),
    per=st.sampled_from(["run", "step", "tenant/day", "workflow/day", "agent/day"]),
    on_exceed=st.sampled_from(["stop", "ask"]),
)


trails: st.SearchStrategy[Trail] = st.builds(Trail, *[st.none() | st.just(f"00-{'4b' * 16}-{'f7' * 8}-01")] * 2)


@st.composite
def messages(draw: st.DrawFn) -> PaigeantMessage:
    """Return a strategy of valid messages, forward and compensating."""
    first = new_message(*draw(st.lists(entries, min_size=1, max_size=4)), workflow_id=RUN)
    slip, back = first.routing_slip, draw(st.booleans())
    step_id = slip.itinerary[0].id
    assert step_id is not None
    undone = Compensation(position=1, activity="draft", step_id=step_id, unknown=draw(st.booleans()))
    run = replace(
        first.headers.run,
        deadline=draw(st.none() | st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC))),  # noqa: DTZ001
        correlation_id=draw(st.none() | texts),
        budgets=draw(st.just(()) | st.tuples(budgets)),
        identity=draw(st.none() | identities),
        secrets=draw(st.none() | secrets),
    )
    headers = replace(
        first.headers,
        run=run,
        direction=Direction.COMPENSATE if back else Direction.EXECUTE,
        security=SecurityContext(obo_token=draw(st.none() | handles)),
        trail=draw(st.none() | trails),
    )
    payload = Payload(
        input=inline(draw(json_values)),
        previous=draw(st.none() | json_values.map(inline)),
        fault=draw(st.none() | faults) if back else None,
    )
    changes: dict[str, Any] = {"executed": (Executed(position=1, activity="draft", step_id=step_id),)}
    if back or draw(st.booleans()):
        changes["compensations"] = (undone,)
    changes["policy"] = draw(st.none() | policies)
    if back:
        changes["itinerary"] = NOTHING_AHEAD
    return PaigeantMessage(headers=headers, payload=payload, routing_slip=replace(slip, **changes))


class CodecContract(ABC):
    """Every guarantee of :class:`paigeant.abc.Codec`, as a test. Subclass it and override ``backend``."""

    @abstractmethod
    def new_codec(self) -> Codec:
        """Return a codec that opens its own messages."""

    @settings(deadline=None, suppress_health_check=_CHECKS)
    @given(messages())
    def test_what_was_sealed_opens_to_the_same_message(self, message: PaigeantMessage) -> None:
        codec = self.new_codec()

        sealed = codec.seal(message)

        assert codec.open(sealed.body).message == message
        assert (sealed.message_id, sealed.topic) == (message.headers.message_id, message.topic)

    @settings(deadline=None, suppress_health_check=_CHECKS)
    @given(messages())
    def test_the_same_message_gives_the_same_bytes(self, message: PaigeantMessage) -> None:
        copy = deepcopy(message)

        assert self.new_codec().seal(copy) == self.new_codec().seal(message)

    def test_a_long_itinerary_is_found_in_its_plan(self) -> None:
        """A long itinerary is referred to by digest; with its plan the message is the same."""
        codec, first = self.new_codec(), new_message(*[Step("draft")] * 300, Step("review"))
        slip = first.routing_slip
        plan = slip.itinerary.plan
        message = replace(
            first,
            headers=replace(first.headers, position=8),
            routing_slip=replace(slip, itinerary=Itinerary(plan, first.headers.workflow_id, at=7)),
        )

        body = codec.seal(message).body
        opened = codec.open(body).message

        assert len(body) < len(slip.itinerary.text) / 4
        assert opened.missing_plan == plan.digest
        assert opened.key == message.key
        assert opened.with_plan(read_plan(plan.blob)) == message

    def test_what_does_not_say_which_step_is_next_is_not_sealed(self) -> None:
        codec = self.new_codec()
        opened = codec.open(codec.seal(new_message(*[Step("draft")] * 300)).body).message

        with pytest.raises(InvalidInput, match="plan"):
            codec.seal(opened)

    @settings(deadline=None, suppress_health_check=_CHECKS)
    @given(st.binary() | texts.map(str.encode) | json_values.map(lambda value: repr(value).encode()))
    def test_other_bytes_are_rejected(self, body: bytes) -> None:
        with pytest.raises(MessageRejected):
            self.new_codec().open(body)

    @settings(deadline=None, suppress_health_check=_CHECKS)
    @given(messages(), st.data())
    def test_bytes_changed_on_the_way_open_to_a_message_or_are_rejected(
        self, message: PaigeantMessage, data: st.DataObject
    ) -> None:
        """A signing codec rejects all of them; a plain one may accept some, but raises nothing else."""
        codec = self.new_codec()
        body = bytearray(codec.seal(message).body)
        at = data.draw(st.integers(0, len(body) - 1))
        match data.draw(st.sampled_from(["change", "drop", "double", "cut"])):
            case "change":
                body[at] = data.draw(st.integers(0, 255))
            case "drop":
                del body[at]
            case "double":
                body.insert(at, body[at])
            case _:
                del body[at:]

        try:
            opened = codec.open(bytes(body)).message
        except MessageRejected:
            return
        assert opened.headers.message_id == opened.key.message_id
        assert opened.topic
        assert opened.step_id

    def test_a_message_that_is_too_large_is_not_sealed(self) -> None:
        step = Step("draft", arguments={"text": "x" * BODY_BYTES})

        with pytest.raises(InvalidInput):
            self.new_codec().seal(new_message(step))

    def test_a_message_of_too_many_steps_is_not_sealed(self) -> None:
        codec = self.new_codec()
        assert codec.open(codec.seal(new_message(*["a"] * STEPS)).body)

        with pytest.raises(InvalidInput):
            codec.seal(new_message(*["a"] * (STEPS + 1)))
        with pytest.raises(InvalidInput):
            codec.seal(new_message(Switch({"true": ["a"] * STEPS})))

    def test_the_deepest_value_allowed_travels_everywhere_and_far_deeper_ones_nowhere(self) -> None:
        codec = self.new_codec()
        deep: Entry = Step("draft", arguments={"deep": nested(DEPTH - 1)})
        for _ in range(NESTED):
            deep = Switch({"true": [deep]})
        deepest = new_message(Step("draft", arguments={"deep": nested(DEPTH - 1)}), deep)

        allowed = with_previous(deepest, nested(DEPTH))
        too_deep = with_previous(deepest, nested(DEPTH * 2))

        assert codec.open(codec.seal(allowed).body).message == allowed
        with pytest.raises(InvalidInput):
            codec.seal(too_deep)

    def test_deep_and_huge_bytes_are_rejected_before_they_are_parsed(self) -> None:
        for body in (b"[" * 2_000_000, b'{"v":2}\n' + b"[" * 500_000, b'"\\' * 500_000, b" " * 50_000_000):
            with pytest.raises(MessageRejected):
                self.new_codec().open(body)

    def test_a_message_that_does_not_say_what_comes_next_is_not_sealed(self) -> None:
        message = new_message("draft")
        empty = replace(message, routing_slip=replace(message.routing_slip, itinerary=NOTHING_AHEAD))

        with pytest.raises(InvalidInput):
            self.new_codec().seal(empty)

    def test_a_fault_travels_back(self) -> None:
        codec = self.new_codec()
        message = new_message("draft")
        payload = replace(message.payload, fault=FAULT)

        opened = codec.open(codec.seal(replace(message, payload=payload)).body).message

        assert opened.payload.fault == FAULT


def with_previous(message: PaigeantMessage, value: JsonValue) -> PaigeantMessage:
    """Return the message with this previous output."""
    return replace(message, payload=replace(message.payload, previous=inline(value)))


def nested(depth: int) -> JsonValue:
    """Return arrays nested this deep."""
    value: JsonValue = []
    for _ in range(depth - 1):
        value = [value]
    return value
