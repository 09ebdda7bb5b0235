"""Each kind of entry is a value that is checked where it is written, and the same after it has travelled."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

import pytest
from pydantic import ValidationError
from pydantic_core import from_json

from paigeant.errors import RegistrationError
from paigeant.model.entries.entry import FLOW, Entry, count, levels
from paigeant.model.entries.fan import Fan
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.kinds import KINDS, read_entry
from paigeant.model.entries.nested import Unnamed
from paigeant.model.entries.parallel import Parallel
from paigeant.model.entries.sleep import Sleep
from paigeant.model.entries.step import Step, against, steps_of, stow
from paigeant.model.entries.sub_workflow import SubWorkflow
from paigeant.model.entries.switch import Switch
from paigeant.model.entries.wait import Wait
from paigeant.model.limits import NESTED, STEPS
from paigeant.model.plan import Plan

ENTRIES: tuple[Entry, ...] = (
    Step("charge", {"amount": 1}, when="amount > 0", name="receipt"),
    Switch({"amount > 100": ["approve", Wait("approved")], "true": [Sleep("1d")]}, default=[Step("ship", when="paid")]),
    Switch({"a": [], "b": [Switch({"c": ["d"]})]}),
    SubWorkflow("billing"),
    SubWorkflow("billing", input="order", name="bill"),
    SubWorkflow("billing", plan=(Step("charge"), SubWorkflow("tax", plan=())), terms={"revision": {"max_added": 3}}),
    Wait("approved"),
    Wait("approved", timeout="3d", on_timeout="continue"),  # pyright: ignore[reportArgumentType]
    Sleep(timedelta(days=3)),
    Sleep(until="appointment"),
    Parallel("a", [Step("b"), "c"], join=2, name="both"),
    Parallel(one="a", two=["a", Parallel("b")], on_fault="skip"),
    ForEach("lead", in_="search.rows", step="score"),
    ForEach("lead", in_="rows", step=["a", "b"], max_concurrency=3, on_fault="finish", name="all", collect=False),
)


def nested(depth: int) -> Entry:
    return Switch({"true": [nested(depth - 1)]}) if depth else Step("last")


@pytest.mark.parametrize("entry", ENTRIES, ids=range(len(ENTRIES)))
def test_an_entry_travels_as_json(entry: Entry) -> None:
    assert read_entry(from_json(entry.text)) == entry


def test_every_kind_is_in_the_table_and_tried_here() -> None:
    assert (
        {entry.kind for entry in ENTRIES}
        == set(KINDS)
        == {kind.kind for base in (Entry, Fan) for kind in base.__subclasses__() if kind is not Fan} - {Unnamed.kind}
    )


def test_only_a_step_says_no_kind() -> None:
    said = [from_json(entry.text).get("kind", "step") for entry in ENTRIES]

    assert said == [entry.kind for entry in ENTRIES]
    assert "kind" not in from_json(Step("a").text)


def test_what_is_no_activity_is_for_the_workers_themselves() -> None:
    assert [entry.topic for entry in ENTRIES] == ["charge", *[FLOW] * (len(ENTRIES) - 1)]


step: Any = Step
switch: Any = Switch
wait: Any = Wait
sleep: Any = Sleep


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: step("a", when=""), "Step: when is ''"),
        (lambda: step("a", when="x" * 1001), "a condition in CEL of 1 to 1,000 characters"),
        (lambda: step("a", name="a b"), "Step: name is 'a b'"),
        (lambda: switch({}), "Switch: cases is {}: it has no case"),
        (lambda: switch({"x": "vat"}), r"its entries are a list, as \['vat'\]"),
        (lambda: switch({3: ["vat"]}), "a condition is a text of 1 to 1,000 characters, not 3"),
        (lambda: switch(["vat"]), "its cases are a dictionary"),
        (lambda: switch({"x": [3]}), "an entry within a Switch is the name of an activity"),
        (lambda: switch({"x": ["a"]}, defualt=[]), "Switch has no option 'defualt'; did you mean 'default'"),
        (lambda: nested(NESTED + 1), "nested 6 deep; at most 5 are allowed"),
        (lambda: wait("a b"), "Wait: signal is 'a b'; it should be the name of a signal"),
        (lambda: wait("a", timeout=0), "it should be more than nothing"),
        (lambda: wait("a", on_timeout="ignore"), "it should be 'fault' or 'continue'"),
        (lambda: sleep(until=None), r"Sleep: give a duration, as Sleep\('3d'\), or a variable"),
        (lambda: sleep("3d", until="day"), r"Sleep: give a duration, as Sleep\('3d'\), or a"),
        (lambda: sleep("soon"), "'soon' is no span of time"),
        (lambda: Step("one", name="x y"), "Step: name is 'x y': use up to 100 letters, digits, '_', '-' and '.'"),
        (lambda: SubWorkflow(cast("Any", 5)), "SubWorkflow: workflow is 5; it should be the name of a workflow"),
        (
            lambda: SubWorkflow("a b"),
            "SubWorkflow: workflow is 'a b'; it should be the name of a workflow: up to 100 l",
        ),
    ],
)
def test_what_is_wrong_is_refused_where_it_is_written(make: Callable[..., Any], said: str) -> None:
    with pytest.raises(RegistrationError, match=said) as refused:
        make()

    assert str(refused.value).startswith(f"{__file__}:")


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ({"kind": "swich", "cases": []}, "no kind of entry is 'swich'; did you mean 'switch'"),
        ({"kind": 7}, "no kind of entry is 7"),
        ({"kind": "wait"}, "wait: signal"),
        ({"kind": "sleep", "duration": -1}, "sleep: duration"),
        ({"kind": "switch", "cases": [{"when": "a", "entries": [{"activity": "a b"}]}]}, "step: activity"),
        ({"kind": "switch", "cases": [{"when": "a", "steps": []}]}, "switch: cases.0.entries"),
        ("vat", "an entry is an object, not 'vat'"),
    ],
)
def test_what_came_from_outside_is_refused_by_what_is_wrong_with_it(said: Any, text: str) -> None:
    with pytest.raises(ValueError, match=text):
        read_entry(said)


def test_a_plan_counts_what_lies_within_entries_and_how_deep() -> None:
    assert count([nested(3), Wait("x")]) == 5
    assert levels([nested(3), Wait("x")]) == 3
    assert Plan(name="deep", itinerary=(nested(NESTED),)).steps == (Step("last"),)

    with pytest.raises(ValidationError, match=r"2,001 entries, with those within others; at most 2,000"):
        Plan(name="long", itinerary=(Switch({"x": ["a"] * STEPS}),))


def test_a_plan_with_entries_of_all_kinds_is_published_as_json() -> None:
    plan = Plan(name="all", itinerary=ENTRIES)

    assert Plan.model_validate_json(plan.model_dump_json()) == plan


def test_steps_within_are_stowed_and_held_against_interfaces_as_those_outside() -> None:
    entry = Switch({"x": [Step("write", {"text": "x" * 5000})]}, default=["ship"])

    stowed, blobs = stow(against(entry, {"write": "w1"}))

    write, ship = steps_of([stowed])
    assert (write.interface, ship.interface) == ("w1", None)
    assert write.claims["text"].size == len(blobs[0].json) == 5002
    assert steps_of([against(stowed, {"write": "w2", "ship": "s2"})])[0].interface == "w1"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda: Parallel("a", "a"), "two branches are called 'a'; call them something by keyword"),
        (lambda: Parallel("a", "b", "c", join=4), "join is 4, and it has 3 branches"),
        (lambda: Parallel("a", "b", join="any", on_fault="skip"), "on_fault is for join='all' only"),
        (lambda: Parallel("a", on_fault=cast("Any", "skpi")), "did you mean 'skip'"),
        (Parallel, "it has no branch"),
        (lambda: Parallel([]), "a branch has no entry"),
        (lambda: Parallel(a=cast("Any", [3])), "an entry within a Parallel is the name of an activity"),
        (
            lambda: ForEach("previous", in_="rows", step="a"),
            "ForEach: item is 'previous': that is what every step calls the output before it",
        ),
        (lambda: ForEach("row", in_="rows", step=[Sleep(1)]), "say name='…'"),
        (lambda: ForEach("row", in_="rows", step=[]), "it has no step"),
        (lambda: ForEach("row", in_="rows", step="a", max_concurrency=0), "max_concurrency"),
        (lambda: Parallel(x=Parallel(x=Parallel(x=Parallel(x=Parallel(x=Parallel("a")))))), "6 deep"),
    ],
)
def test_branches_are_checked_where_they_are_written(wrong: Callable[[], Entry], said: str) -> None:
    with pytest.raises(RegistrationError, match=re.escape(said)) as error:
        wrong()
    assert __file__ in str(error.value)


def test_what_stands_for_a_function_is_read_from_no_message():
    with pytest.raises(ValueError, match="'unnamed' never travels"):
        Unnamed.read({}, lambda _: ())
