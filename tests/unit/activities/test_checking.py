"""What must go wrong in a workflow is said before it runs; of what may go well nothing is said."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, BeforeValidator, Field, PlainSerializer
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import (
    ActivityContext,
    ActivityRegistry,
    Completed,
    Parked,
    RetryPolicy,
    Revised,
    Sleep,
    Step,
    Workflow,
)
from paigeant.activities.checking import Known, check_workflow
from paigeant.activities.checking.effects import Effects, effects_of
from paigeant.activities.checking.json_types import schema_of, why_not
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.entries.switch import Switch
from paigeant.model.entries.wait import Wait
from paigeant.model.values.shapes import adapter
from paigeant.routing.conditions import names_asked_by


class Order(BaseModel):
    item: str
    amount: int
    note: str = ""


class Receipt(BaseModel):
    number: str


class Strict(BaseModel, extra="forbid"):
    total: int = 0


class Aliased(BaseModel):
    total: int = Field(alias="sum")


@dataclass
class Line:
    item: str
    next: Line | None = None


registry = ActivityRegistry()


@registry.execute
def charge(payload: Order) -> Completed[Receipt]:
    return Completed(Receipt(number=payload.item), variables={"paid": 3})


@registry.execute
def thank(charge: Receipt, paid: int, amount: int, note: str = "", whatever: str = "") -> str:
    return f"{charge} {paid} {amount} {note} {whatever}"


@registry.execute
def misspelt(chargee: Receipt) -> str:
    return f"{chargee}"


@registry.execute
def wrong(charge: list[int]) -> None:
    del charge


@registry.execute
def opaque(payload: Any):
    return helper(payload)


@registry.execute
def waits() -> str | Parked:
    return Parked("approval")


@registry.execute
def plans() -> Revised[str]:
    return Revised("ok", insert=[Step("thank")])


@registry.execute
def revising() -> Revised:
    return Revised(None, append=[Step("researcher")])


@registry.execute
def approved(approval: bool) -> bool:  # noqa: FBT001  (bound by name)
    return approval


def helper(value: Any) -> Any:
    return value


researcher = Agent(TestModel(), name="researcher", output_type=Receipt)
registry.agent(researcher, prompt="About {item} and {item}")
writer = Agent(TestModel(), name="writer")
registry.agent(writer, prompt="From {researcher.numbr}, {charge.number}")

registry.agent(Agent(TestModel(), name="forgetful"), keep_history=False)
for name, before in (("after", "researcher"), ("beyond", "forgetful"), ("past", "charge"), ("later", "added")):
    registry.agent(Agent(TestModel(), name=name), history=before)


def found(*steps: Any, **declared: Any) -> list[tuple[str, int, str]]:
    fields = declared.pop("fields", None)
    flow: Workflow[Any, Any] = Workflow("flow", list(steps), activities=registry, **declared)
    flaws = check_workflow(flow.plan, registry, Known(flow.input, flow.output, fields))
    return [(flaw.rule, flaw.position, flaw.message) for flaw in flaws]


def test_a_workflow_whose_names_and_types_fit_has_no_flaw():
    assert found("charge", "thank", input=Order, output=str) == []
    assert found("charge", "thank") == []
    assert found("charge", "thank", fields=["item", "amount"]) == []


def test_a_name_that_nothing_provides_is_named_with_the_nearest():
    [(rule, position, said)] = found("charge", "misspelt", input=Order)

    assert (rule, position) == ("missing-argument", 2)
    assert said == "argument 'chargee' is provided by nothing before it; did you mean 'charge'?"


def test_an_input_that_is_not_declared_may_have_any_name_but_a_misspelt_one():
    assert found("thank") == []
    assert found("charge", "approved") == []
    [(rule, _, said)] = found("charge", "misspelt")
    assert rule == "missing-argument"
    assert "declare that: Workflow(…, input=…)" in said


def test_the_fields_of_an_input_at_hand_are_all_there_are():
    [(rule, position, said)] = found("charge", "thank", fields=["item", "amonut"])

    assert (rule, position) == ("missing-argument", 2)
    assert "'amount' is provided by nothing" in said
    assert "did you mean 'amonut'?" in said


@pytest.mark.parametrize("step", ["opaque", "waits", "plans"])
def test_what_a_step_may_leave_behind_unseen_is_not_called_missing(step: str):
    assert [each for each in found("charge", step, "approved", input=Order) if each[1] == 3] == []
    assert found("charge", "approved", input=Order) != []


def test_an_output_that_cannot_become_what_takes_it_is_a_flaw():
    assert found("charge", "wrong", input=Order) == [
        ("wrong-type", 2, "'charge' cannot become what argument 'charge' takes: Receipt is not an array")
    ]
    assert found("charge", input=Order, output=int) == [
        ("wrong-type", 1, "its output cannot be the workflow's output: Receipt is not an integer")
    ]


def test_explicit_arguments_are_held_against_the_parameters():
    argued = Step("thank", arguments={"charge": {"number": 3}, "paid": 1, "noet": "x"})

    assert [(rule, said) for rule, _, said in found("charge", argued, input=Order)] == [
        ("unknown-argument", "it has no parameter 'noet'; did you mean 'note'?"),
        (
            "wrong-type",
            "its explicit argument 'charge' is invalid: number: Input should be a valid string, got 3",
        ),
    ]


def test_a_prompt_that_names_nothing_is_a_flaw():
    [(rule, position, said)] = found("charge", "researcher", "writer", input=Order)

    assert (rule, position) == ("missing-argument", 3)
    assert said == "the prompt's place {researcher.numbr} names nothing that 'researcher' has"
    [(rule, position, said)] = found("charge", "researcher", fields=["itme", "amount"])
    assert (rule, position, said[:42]) == ("missing-argument", 2, "argument 'item' is provided by nothing bef")


def test_a_step_that_nobody_serves_is_a_flaw_unless_it_is_elsewhere():
    [(rule, _, said)] = found("charge", "thanks", input=Order)

    assert rule == "unserved"
    assert "did you mean 'thank'?" in said
    assert found("charge", Step("thanks", elsewhere=True), input=Order) == []


def test_what_one_way_of_several_sets_may_be_there_afterwards():
    ways = Switch({"amount > 3": ["charge"]}, default=[Step("misspelt")])

    assert [(rule, said[:18]) for rule, _, said in found(ways, "thank", input=Order)] == [
        ("missing-argument", "argument 'chargee'")
    ]
    assert found("charge", Wait("approval"), "approved", "thank", input=Order) == []


def test_a_compensation_that_takes_a_log_that_is_never_written_is_a_flaw():
    own = ActivityRegistry()

    @own.execute("pay")
    def pay(payload: Order) -> Completed[Receipt]:
        return Completed(Receipt(number=payload.item))

    @own.execute("ship")
    def ship(payload: Order) -> Completed[Receipt]:
        return Completed(Receipt(number=payload.item), log=["parcel"])

    @own.compensate("pay")
    def unpay(log: list[str], amuont: int) -> None:
        del log, amuont

    @own.compensate("ship")
    def unship(log: list[str], pay: Receipt, fault: Any) -> None:
        del log, pay, fault

    flow = Workflow("flow", ["pay", "ship"], input=Order, activities=own)
    flaws = check_workflow(flow.plan, own, Known(flow.input))

    assert [(flaw.rule, flaw.step) for flaw in flaws] == [("missing-log", "pay"), ("missing-argument", "pay")]
    assert "never written, and the output cannot become it: Receipt is not an array" in flaws[0].message
    assert "did you mean 'amount'?" in flaws[1].message
    assert (flaws[0].where or "").startswith(__file__)


@pytest.mark.parametrize(
    ("given", "asked", "why"),
    [
        (str, dict[str, Any], "a string is not an object"),
        (Receipt, Order, "Receipt has no 'item'"),
        (Receipt, Strict, "Strict forbids 'number'"),
        (list[Receipt], list[Order], "its items do not fit"),
        (dict[str, str], int, "an object is not an integer"),
        (int, str, "an integer is not a string"),
        (None, int, "a null is not an integer"),
        (bool, str, "a boolean is not a string"),
        (list[int] | dict[str, int], str, "is not a string"),
    ],
)
def test_types_of_which_no_value_fits(given: Any, asked: Any, why: str):
    said = why_not(schema_of(adapter(given), "serialization"), schema_of(adapter(asked), "validation"))

    assert why in (said or "")


Loose = Annotated[int, BeforeValidator(len)]
Written = Annotated[list[int], PlainSerializer(lambda value: ",".join(map(str, value)))]


@pytest.mark.parametrize(
    ("given", "asked"),
    [
        (str, int),
        (int, float),
        (int, date),
        (str, UUID),
        (Decimal, Decimal),
        (Order, Receipt | Order),
        (Receipt | None, Receipt),
        (Receipt, dict[str, str]),
        (dict[str, int], Order),
        (list[int], set[int]),
        (list[int], Loose),
        (Written, str),
        (Order, Aliased),
        (Aliased, Strict),
        (Line, Line),
        (Literal["a"], str),
        (Any, Order),
        (Order, Any),
        (tuple[int, str], list[Any]),
        (bytes, bytes),
    ],
)
def test_of_types_some_values_of_which_fit_nothing_is_said(given: Any, asked: Any):
    assert why_not(schema_of(adapter(given), "serialization"), schema_of(adapter(asked), "validation")) is None


def test_variables_that_a_step_saves_by_its_context_are_known() -> None:
    registry = ActivityRegistry()

    @registry.execute
    async def saving(ctx: ActivityContext) -> str:
        await ctx.save_variable("missing", [ctx.attempt])
        return "saved"

    @registry.execute
    async def handing_on(ctx: ActivityContext) -> str:
        return repr(ctx)

    assert effects_of(registry["saving"]) == Effects(frozenset({"missing"}))
    assert effects_of(registry["handing_on"]) == Effects(open=True)


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (
            [Step("pay", when="amuont > 3")],
            "'amuont > 3' asks for 'amuont', which is provided by nothing",
        ),
        (["pay", Step("pay", when="pay.total > 3 && pya.total > 3")], None),
        (
            ["pay", Switch({"pya.total > 3": ["pay"]})],
            "asks for 'pya', which is provided by nothing",
        ),
        ([Step("pay", name="receipt"), Step("pay", when="receipt.total > 3")], None),
        (["pay", Sleep(until="pay")], "'pay' cannot be a time, as in RFC 3339: "),
        (["pay", Sleep(until="apointment")], "it sleeps until 'apointment', which is provided by nothing before it"),
        ([Sleep(until="when")], None),
    ],
)
def test_conditions_and_sleeps_ask_for_what_there_is(entries: list[Any], said: str | None) -> None:
    registry = ActivityRegistry()

    @registry.execute
    async def pay(amount: int) -> dict[str, int]:
        return {"total": amount}

    class Order(BaseModel):
        amount: int
        when: str

    plan = Workflow("w", entries, activities=registry).plan
    flaws = check_workflow(plan, registry, Known(adapter(Order), asked_by=names_asked_by))

    assert [flaw.message for flaw in flaws] == [] if said is None else said in flaws[0].message


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (["find", ForEach("lead", in_="find", step="mail"), "sum_up"], None),
        (["find", ForEach("lead", in_="find", step="mail"), "mail"], "'lead' is provided by nothing before it"),
        (["find", ForEach("led", in_="find", step="mail")], "did you mean 'led'?"),
        ([ForEach("lead", in_="leads", step="mail")], "its list is in 'leads', which is provided by nothing"),
        ([Parallel("find", "count", name="both"), "sum_up", "add"], None),
        ([Parallel("find", "add")], "'count' is provided by nothing before it"),
    ],
)
def test_an_item_is_known_in_its_branch_and_a_branch_sees_no_other(entries: list[Any], said: str | None) -> None:
    registry = ActivityRegistry()

    @registry.execute
    async def find() -> list[str]:
        return []

    @registry.execute
    async def count() -> int:
        return 1

    @registry.execute
    async def mail(lead: str, lead_index: int = 0) -> str: ...

    @registry.execute
    async def sum_up(previous: Any) -> str: ...

    @registry.execute
    async def add(count: int) -> int: ...

    class Nothing(BaseModel): ...

    flaws = check_workflow(Workflow("w", entries, activities=registry).plan, registry, Known(adapter(Nothing)))

    assert [flaw.message for flaw in flaws] == [] if said is None else said in flaws[0].message


def test_a_history_that_no_step_can_have_left_is_named():
    def why(*steps: Any) -> list[str]:
        return [said for rule, _, said in found(*steps, input=Order) if rule == "missing-history"]

    assert why("researcher", "after") == why("charge", Step("researcher", name="facts"), "after") == []
    assert why("revising", "later") == []  # it may add what is not there
    assert why("charge", "later") == [
        "it goes on from the history of 'added', and no step before it is called that; there is: charge"
    ]
    assert why("charge", "after", "researcher") == [
        "it goes on from the history of 'researcher', which does not come before it"
    ]
    assert why(Parallel(["researcher", "after"], ["charge"])) == []
    assert why("after") == ["it goes on from the history of 'researcher', and nothing comes before it"]
    assert why("forgetful", "beyond") == [
        "it goes on from the history of 'forgetful', which keeps none: it was registered with keep_history=False"
    ]
    assert why("charge", "past") == ["it goes on from the history of 'charge', which is no agent"]


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        (["find", ForEach("lead", in_="find", step="mail")], None),
        (["find", ForEach("lead", in_="find", step=[Parallel("mail", "count")], name="all")], None),
        ([Parallel(["count", "mark"], ["find"])], None),
        ([Parallel(["mark"], ["count"]), "count"], None),  # set by then
        ([Parallel(["mark"], ["find"])], "its compensation: argument 'count' is provided by nothing before it"),
    ],
)
def test_undoing_in_a_branch_sees_the_names_of_its_branch_and_of_the_trunk(entries: list[Any], said: str | None):
    registry = ActivityRegistry()

    @registry.execute
    async def find() -> list[str]:
        return []

    @registry.execute
    async def count() -> int:
        return 1

    @registry.execute
    async def mail(lead: str) -> None: ...

    @registry.compensate("mail")
    async def unmail(lead: str, lead_index: int) -> None: ...

    @registry.execute
    async def mark() -> None: ...

    @registry.compensate("mark")
    async def unmark(count: int) -> None: ...

    class Order(BaseModel):
        note: str = ""

    plan = Workflow("w", entries, activities=registry).plan
    flaws = check_workflow(plan, registry, Known(adapter(Order)))

    assert [flaw.message for flaw in flaws] == [] if said is None else said in flaws[0].message


class Declined(Exception):
    """Of this module, which is loaded."""


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("TimeoutErrr", "no class of exceptions that is loaded has that name: did you mean 'TimeoutError'?"),
        ("Declind", "did you mean 'Declined'?"),
        (f"{__name__}.Declind", f"{__name__} has no such class: did you mean 'Declined'?"),
        ("builtins.TimeoutErrr", "builtins has no such class: did you mean 'TimeoutError'?"),
        (f"{__name__}.Nothing", f"{__name__} has no such class"),
        ("json.loads", "which is no class of exceptions"),
        ("int", "which is no class of exceptions"),
        ("", "which is no name of a class"),
        ("Timeout Error", "which is no name of a class"),
    ],
)
@pytest.mark.parametrize("option", ["retry_on", "no_retry_on"])
def test_the_name_of_an_error_that_is_misspelt(option: str, name: str, said: str):
    step = Step("charge", retry=dataclasses.replace(RetryPolicy(), **{option: (name,)}))

    [(rule, position, message)] = found(step, input=Order)

    assert (rule, position) == ("unknown-error", 1)
    assert message.startswith(f"{option} names {name!r}, ")
    assert message.endswith(said)


@pytest.mark.parametrize(
    "name",
    ["TimeoutError", "Declined", f"{__name__}.Declined", "httpx.ConnectError", "elsewhere.Odd", "Unheard", OSError],
)
def test_the_name_of_an_error_that_may_be_one(name: Any):
    assert found(Step("charge", retry=RetryPolicy(retry_on=(name,))), input=Order) == []
