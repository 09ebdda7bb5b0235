"""Conditions choose the way: a step is skipped, a switch takes its case, and neither costs a hop."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic_ai import Agent
from pydantic_ai.models.test import TestModel

from paigeant import ActivityRegistry, Completed, Finished, RetryPolicy, Revised, Step, Switch, Workflow
from paigeant.errors import RegistrationError


@pytest.fixture
def registry() -> ActivityRegistry:
    made = ActivityRegistry()

    @made.execute
    async def charge(amount: int) -> dict[str, int]:
        return {"amount": amount}

    @made.execute
    async def refund() -> str:
        return "refunded"

    @made.execute
    async def vat() -> str:
        return "vat"

    @made.execute
    async def ship(previous: Any) -> str:
        return f"shipped after {previous}"

    return made


async def test_a_step_whose_condition_is_false_is_skipped_and_says_so(serve: Any):
    app = await serve(Workflow("w", ["charge", Step("refund", when="charge.amount > 100"), "ship"]))

    small = await (await app.dispatch("w", {"amount": 100})).result(timeout=20)
    large = await (await app.dispatch("w", {"amount": 101})).result(timeout=20)

    assert (small.output, large.output) == ("shipped after {'amount': 100}", "shipped after refunded")
    assert [(s.position, s.step, s.status, s.reason) for s in small.steps] == [
        (1, "charge", "completed", None),
        (2, "refund", "skipped", "charge.amount > 100"),
        (3, "ship", "completed", None),
    ]
    assert [s.status for s in large.steps] == ["completed"] * 3


async def test_the_first_case_that_is_true_takes_the_place_of_a_switch(serve: Any):
    switch = Switch({"region == 'eu'": ["vat", Step("refund", when="amount > 100")], "true": []}, default=["refund"])
    app = await serve(Workflow("w", ["charge", switch, "ship"]))

    inland = await (await app.dispatch("w", {"amount": 1, "region": "eu"})).result(timeout=20)
    abroad = await (await app.dispatch("w", {"amount": 1, "region": "us"})).result(timeout=20)

    assert (inland.output, abroad.output) == ("shipped after vat", "shipped after {'amount': 1}")
    assert [(n.position, n.kind, n.status, n.case) for n in inland.nodes] == [
        (2, "switch", "completed", "region == 'eu'")
    ]
    assert [(s.position, s.step, s.status) for s in inland.steps] == [
        (1, "charge", "completed"),
        (3, "vat", "completed"),
        (4, "refund", "skipped"),
        (5, "ship", "completed"),
    ]
    assert [(n.position, n.case) for n in abroad.nodes] == [(2, "true")]


async def test_a_switch_without_a_true_case_goes_to_its_default_or_on(serve: Any):
    wholly = Workflow("wholly", [Switch({"amount > 5": ["vat"]}, default=["refund"]), "ship"])
    app = await serve(wholly, Workflow("hardly", [Switch({"amount > 5": ["vat"]}), "refund"]))

    first = await (await app.dispatch("wholly", {"amount": 1})).result(timeout=20)
    second = await (await app.dispatch("hardly", {"amount": 1})).result(timeout=20)

    assert (first.output, [n.case for n in first.nodes]) == ("shipped after refunded", ["default"])
    assert [(n.status, n.case, n.reason) for n in second.nodes] == [("skipped", None, "no condition is true")]
    assert second.output == "refunded"


async def test_what_a_step_sets_counts_for_the_condition_behind_it(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def look() -> Completed[list[int]]:
        return Completed([1, 2, 3], variables={"look-up": "x" * 10_000, "found": True})

    conditions = ["found", "vars['look-up'].size() == 10000", "look.exists(n, n > 2)", "previous.size() == 3"]
    app = await serve(Workflow("w", ["look", *(Step("vat", when=" && ".join(conditions)) for _ in range(1))]))

    result = await (await app.dispatch("w", {})).result(timeout=20)

    assert [s.status for s in result.steps] == ["completed", "completed"]


async def test_the_output_of_a_step_with_a_name_is_a_variable_of_that_name(serve: Any):
    app = await serve(Workflow("w", [Step("charge", name="receipt"), Step("vat", when="receipt.amount == 7")]))

    result = await (await app.dispatch("w", {"amount": 7})).result(timeout=20)

    assert result.variables["receipt"] == {"amount": 7}
    assert [s.status for s in result.steps] == ["completed", "completed"]


async def test_a_run_of_which_all_is_skipped_completes(serve: Any):
    app = await serve(Workflow("w", [Step("vat", when="amount > 5"), Step("refund", when="false")]))

    result = await (await app.dispatch("w", {"amount": 1})).result(timeout=20)

    assert (result.status, result.output) == ("completed", None)
    assert [(s.step, s.status) for s in result.steps] == [("vat", "skipped"), ("refund", "skipped")]


async def test_a_revision_may_bring_conditions(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def plan() -> Revised[int]:
        return Revised(3, insert=[Step("refund", when="plan > 5"), Step("vat", when="plan > 2")])

    app = await serve(Workflow("w", ["plan", "ship"]))
    result = await (await app.dispatch("w", {})).result(timeout=20)

    assert [(s.step, s.status) for s in result.steps] == [
        ("plan", "completed"),
        ("refund", "skipped"),
        ("vat", "completed"),
        ("ship", "completed"),
    ]


async def test_a_condition_that_cannot_be_evaluated_fails_the_run_in_the_place_of_its_step(
    registry: ActivityRegistry, serve: Any
):
    @registry.execute
    async def price() -> Decimal:
        return Decimal("99.10")

    app = await serve(Workflow("w", ["price", Step("vat", when="price > 100 || missing"), "ship"]))
    result = await (await app.dispatch("w", {})).result(timeout=20)

    assert result.status == "failed"
    assert (result.error.type, result.error.step, result.error.position) == ("ConditionFailed", "vat", 2)
    assert "price is '99.10' (text)" in result.error.message
    assert "missing is not set" in result.error.message


async def test_a_retry_evaluates_the_condition_anew_once_a_variable_was_mended(serve: Any):
    app = await serve(Workflow("w", ["charge", Step("vat", when="limit < charge.amount"), "ship"]))
    run = await app.dispatch("w", {"amount": 7})
    assert (await run.result(timeout=20)).status == "failed"

    await run.set_variable("limit", 5)
    await run.retry()
    result = await run.result(timeout=20)

    assert (result.status, result.output) == ("completed", "shipped after vat")


async def test_what_was_done_before_a_condition_that_fails_is_undone(registry: ActivityRegistry, serve: Any):
    undone: list[str] = []

    @registry.compensate("charge")
    async def give_back() -> None:
        undone.append("charge")

    app = await serve(Workflow("w", ["charge", Switch({"misspelt > 1": ["vat"]})]))
    result = await (await app.dispatch("w", {"amount": 7})).result(timeout=20)

    assert (result.status, undone) == ("compensated", ["charge"])


async def test_a_value_over_64_kib_is_not_offered(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def look() -> str:
        return "x" * 70_000

    app = await serve(Workflow("w", ["look", Step("vat", when="look != ''")]))
    result = await (await app.dispatch("w", {})).result(timeout=20)

    assert "look is 70,002 bytes, and more than 65,536 are not offered" in result.error.message


@pytest.mark.parametrize(
    ("when", "said"),
    [
        ("amount >", "in column 9: mismatched input"),
        ("amounts.map(a, a)", "in column 9: map makes lists"),
        ("a.all(x, b.exists(y, y == x))", "in column 12: exists within another"),
        ("vars[amount] == 1", "vars takes a name in quotation marks"),
    ],
)
def test_a_condition_that_cannot_be_read_is_refused_where_the_workflow_is_declared(when: str, said: str):
    with pytest.raises(RegistrationError, match=said):
        Workflow("w", [Switch({"true": [Step("vat", when=when)]})])


async def test_functions_and_agents_stand_in_a_switch_as_in_a_workflows_own_list(
    serve: Any, registry: ActivityRegistry
):
    @registry.execute("registered", retry=RetryPolicy(max_attempts=7))
    async def known() -> str:
        return "known"

    async def on_the_spot() -> str:
        return "on the spot"

    writer = Agent(TestModel(custom_output_text="written"), name="writer")
    switch = Switch({"way == 1": [known], "way == 2": [Switch({"true": [on_the_spot]})]}, default=[writer])
    app = await serve(Workflow("w", [switch]))

    runs = [await app.dispatch("w", {"way": way}) for way in (1, 2, 3)]

    assert [(await run.result(timeout=20)).output for run in runs] == ["known", "on the spot", "written"]


async def test_a_workflow_without_steps_completes_at_once(serve: Any):
    app = await serve(Workflow("w", []))

    result = await (await app.dispatch("w", {"amount": 1})).result(timeout=20)

    assert (result.status, result.output, result.steps) == ("completed", None, ())
    assert [(node.kind, node.name, node.status) for node in result.nodes] == [("end", "end", "completed")]


async def test_a_step_that_ends_its_run_early_says_why(serve: Any, registry: ActivityRegistry):
    @registry.execute
    async def look(amount: int) -> Finished[str]:
        return Finished("nothing to do", reason=f"the amount is {amount}")

    app = await serve(Workflow("w", ["look", "charge"]))

    result = await (await app.dispatch("w", {"amount": 0})).result(timeout=20)

    assert (result.status, result.output) == ("completed", "nothing to do")
    assert [(step.step, step.status, step.reason) for step in result.steps] == [
        ("look", "completed", "the amount is 0")
    ]
