"""A workflow within another: a run of its own, begun once, whose end the other waits for."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from paigeant import (
    ActivityRegistry,
    Completed,
    ForEach,
    Paigeant,
    Parallel,
    Parked,
    Revised,
    RevisionPolicy,
    Run,
    Step,
    SubWorkflow,
    Terminal,
    Wait,
    Workflow,
    testing,
)
from paigeant.errors import InvalidInput, RegistrationError, UnknownStep, UnknownWorkflow, WrongState
from paigeant.testing.crashes import outcome

UNDONE: list[str] = []
DECLINED: list[bool] = []

BILLING = Workflow("billing", ["charge", "receipt"])
ORDER = Workflow("order", ["take", SubWorkflow("billing"), "ship"])


@pytest.fixture
def registry(registry: ActivityRegistry) -> ActivityRegistry:
    UNDONE.clear()
    DECLINED.clear()

    @registry.execute
    async def take(amount: int = 5) -> Completed[dict[str, int]]:
        return Completed({"amount": amount}, variables={"bill": {"amount": amount + 1}})

    @registry.execute
    async def charge(amount: int) -> str:
        if DECLINED:
            raise Terminal("the card was declined")
        return f"charged {amount}"

    @registry.compensate("charge")
    async def refund(log: str) -> None:
        UNDONE.append(log)

    @registry.execute
    async def receipt(charge: str) -> str:
        return f"receipt: {charge}"

    register_ends(registry)
    return registry


def register_ends(registry: ActivityRegistry) -> None:
    @registry.execute
    async def ship(previous: Any) -> Any:
        return previous

    @registry.execute
    async def decline() -> None:
        raise Terminal("nobody ships there")

    @registry.execute
    async def forever() -> None:
        await asyncio.sleep(600)

    @registry.execute
    async def ask(answer: str | None = None) -> Any:
        return answer or Parked("a person must answer")


async def child_of(app: Any, run: Run, number: int = 0) -> Any:
    """Return the child of a run once it has begun."""
    async for view in run.follow(timeout=20):
        if len(view.children) > number:
            return app.run(view.children[number].workflow_id)
    raise AssertionError("it has no child")


async def until(run: Run, status: str) -> Any:
    async for view in run.follow(timeout=20):
        if view.status == status:
            return view
    raise AssertionError(f"it was never {status}")


async def test_a_sub_workflow_is_a_run_of_its_own_whose_output_is_that_of_its_entry(serve: Any):
    app = await serve(BILLING, ORDER)

    run = await app.dispatch("order", {"amount": 7})
    result = await run.result(timeout=20)

    assert result.output == "receipt: charged 7"
    assert result.variables["billing"] == "receipt: charged 7"
    view = await run.view()
    [node], [child] = view.nodes, view.children
    assert (node.kind, node.name, node.status, node.child) == ("workflow", "billing", "completed", child.workflow_id)
    assert (child.workflow, child.path, child.position, child.ended) == ("billing", "", 2, "completed")
    inner = await app.run(child.workflow_id).view()
    assert (inner.parent.workflow_id, inner.parent.position) == (run.workflow_id, 2)
    assert (inner.input, [step.step for step in inner.steps]) == ({"amount": 7}, ["charge", "receipt"])
    assert (inner.trace_id, inner.correlation_id) == (view.trace_id, str(run.workflow_id))
    page = await app.runs(parent=run.workflow_id)
    assert [each.workflow_id for each in page.runs] == [child.workflow_id]


async def test_its_input_is_the_output_before_it_or_a_variable(serve: Any):
    app = await serve(BILLING, Workflow("order", ["take", SubWorkflow("billing", input="bill", name="bill_paid")]))

    result = await (await app.dispatch("order", {})).result(timeout=20)

    assert result.variables["bill_paid"] == "receipt: charged 6"
    assert "billing" not in result.variables


async def test_its_input_may_be_that_of_the_run_or_a_field_of_it(serve: Any):
    first, whole = Workflow("first", [SubWorkflow("billing")]), SubWorkflow("billing", input="payload")
    app = await serve(BILLING, first, Workflow("w", [SubWorkflow("billing", input="bill"), whole]))

    bill = {"amount": 3}
    assert (await (await app.dispatch("first", bill)).result(timeout=20)).output == "receipt: charged 3"
    result = await (await app.dispatch("w", {"bill": bill, "amount": 4})).result(timeout=20)
    assert result.output == "receipt: charged 4"


async def test_an_input_that_nobody_has_set_is_a_fault(serve: Any):
    app = await serve(BILLING, Workflow("order", [SubWorkflow("billing", input="bill")]))

    result = await (await app.dispatch("order", {})).result(timeout=20)

    assert (result.status, result.error.type, result.error.step) == ("failed", "MissingInput", "billing")
    assert "'bill', which is not set" in result.error.message


async def test_large_inputs_outputs_and_arguments_pass_from_run_to_run(registry: ActivityRegistry, serve: Any):
    @registry.execute
    async def repeat(text: str, more: str) -> str:
        return text + more

    inner = Workflow("inner", [Step("repeat", {"more": "y" * 9_000})])
    app = await serve(inner, Workflow("outer", [SubWorkflow("inner")]))

    result = await (await app.dispatch("outer", {"text": "x" * 9_000})).result(timeout=20)

    assert result.output == "x" * 9_000 + "y" * 9_000


async def test_sub_workflows_lie_within_one_another_and_in_branches(serve: Any):
    both = Parallel(one=[SubWorkflow("billing", input="payload")], two=["ship"], name="both")
    month = Workflow("month", [ForEach("bill", "bills", SubWorkflow("billing"), name="paid"), both])
    app = await serve(BILLING, month, Workflow("year", [SubWorkflow("month")]))

    run = await app.dispatch("year", {"bills": [{"amount": n} for n in range(5)], "amount": 9})
    result = await run.result(timeout=30)

    assert result.output["one"] == "receipt: charged 9"
    inner = await (await child_of(app, run)).view()
    assert inner.variables["paid"] == [f"receipt: charged {n}" for n in range(5)]
    assert sorted((child.path, child.position) for child in inner.children) == [  # in whatever order they began
        *((f"1.{n}", 1) for n in range(5)),
        ("2.0", 1),
    ]


async def test_its_plan_is_that_of_the_moment_at_which_the_run_was_dispatched(
    serve: Any, registry: ActivityRegistry, settings: Any
):
    if settings.store == "memory://":
        pytest.skip("each opens a store of its own")
    first = await serve(BILLING, Workflow("order", [Wait("go"), SubWorkflow("billing")]), worker=False)
    run = await first.dispatch("order", {"amount": 1})
    later = await serve(Workflow("billing", ["decline"]))

    await later.signal(run.workflow_id, "go")

    assert (await run.result(timeout=20)).output == "receipt: charged 1"


async def test_a_child_that_does_not_complete_is_a_fault_that_says_which(serve: Any):
    app = await serve(Workflow("billing", ["charge", "decline"]), ORDER)

    run = await app.dispatch("order", {})
    result = await run.result(timeout=20)
    child = await (await child_of(app, run)).view()

    assert (child.status, UNDONE) == ("compensated", ["charged 5"])
    assert (result.status, result.error.type, result.error.step) == ("compensated", child.error.type, "billing")
    assert "nobody ships there" in result.error.message
    assert str(child.workflow_id) in result.error.message


async def test_undoing_a_child_that_completed_turns_its_run_round(serve: Any):
    app = await serve(BILLING, Workflow("order", ["take", SubWorkflow("billing"), "decline"]))

    run = await app.dispatch("order", {})
    result = await run.result(timeout=20)

    child = await (await child_of(app, run)).view()
    assert (result.status, child.status, UNDONE) == ("compensated", "compensated", ["charged 5"])
    assert child.error.message == "nobody ships there"
    assert [(step.step, step.direction) for step in child.steps] == [
        ("charge", "execute"),
        ("receipt", "execute"),
        ("charge", "compensate"),
    ]
    back = (await run.view()).nodes[-1]
    assert (back.direction, back.status, back.child) == ("compensate", "completed", child.workflow_id)


async def test_of_a_child_with_nothing_to_undo_nothing_is_undone(serve: Any):
    app = await serve(Workflow("billing", ["ship"]), Workflow("order", [SubWorkflow("billing"), "decline"]))

    run = await app.dispatch("order", {})

    assert (await run.result(timeout=20)).status == "failed"
    assert (await (await child_of(app, run)).view()).status == "completed"


async def test_branches_of_children_are_undone_with_their_node(serve: Any):
    each = ForEach("bill", "bills", [SubWorkflow("billing")], name="paid")
    app = await serve(BILLING, Workflow("month", [each, "decline"]))

    result = await (await app.dispatch("month", {"bills": [{"amount": n} for n in range(4)]})).result(timeout=30)

    assert (result.status, sorted(UNDONE)) == ("compensated", [f"charged {n}" for n in range(4)])


async def test_a_failed_child_goes_on_when_its_parent_is_retried(serve: Any):
    app = await serve(BILLING, ORDER)
    DECLINED.append(True)
    run = await app.dispatch("order", {})
    result = await run.result(timeout=20)
    child = await child_of(app, run)
    assert (result.status, (await child.view()).status) == ("failed", "failed")
    DECLINED.clear()

    with pytest.raises(WrongState, match=f"child of run {run.workflow_id}: retry that one"):
        await child.retry()
    await run.retry()

    assert (await run.result(timeout=20)).output == "receipt: charged 5"
    view = await run.view()
    assert [each.workflow_id for each in view.children] == [child.workflow_id]
    assert (await child.view()).status == "completed"


async def test_a_child_that_cannot_go_on_is_followed_by_another_when_its_parent_is_retried(serve: Any):
    app = await serve(Workflow("billing", ["forever"]), Workflow("order", [SubWorkflow("billing")]))
    run = await app.dispatch("order", {})
    first = await child_of(app, run)
    await first.terminate()
    assert (await run.result(timeout=20)).error.type == "ChildEnded"

    await run.retry()

    second = await child_of(app, run, 1)
    assert second.workflow_id != first.workflow_id
    await run.terminate()


@pytest.mark.parametrize(("compensate", "end"), [(True, "compensated"), (False, "cancelled")])
async def test_cancelling_a_run_cancels_all_within_it(*, compensate: bool, end: str, serve: Any):
    app = await serve(Workflow("billing", ["charge", "forever"]), ORDER, Workflow("year", [SubWorkflow("order")]))
    run = await app.dispatch("year", {})
    order = await child_of(app, run)
    billing = await child_of(app, order)
    await until_at(billing, "forever")

    await run.cancel(compensate=compensate)

    assert (await run.result(timeout=20)).status == end
    assert [(await each.view()).status for each in (order, billing)] == [end, end]
    assert ["charged 5"] * compensate == UNDONE


async def test_a_run_that_is_cancelled_before_its_child_begins_begins_none(serve: Any):
    app = await serve(BILLING, ORDER, worker=False)
    run = await app.dispatch("order", {})

    await run.cancel()

    async with app.worker():
        assert (await run.result(timeout=20)).status == "cancelled"
    assert (await run.view()).children == ()


async def test_terminating_a_run_terminates_all_within_it(serve: Any):
    app = await serve(Workflow("billing", ["charge", "forever"]), ORDER)
    run = await app.dispatch("order", {})
    child = await child_of(app, run)
    await until_at(child, "forever")

    await run.terminate()

    assert [(await each.view()).status for each in (run, child)] == ["terminated", "terminated"]


async def test_a_deadline_holds_for_what_runs_within(serve: Any):
    app = await serve(Workflow("billing", ["charge", "forever"]), Workflow("order", [SubWorkflow("billing")]))

    run = await app.dispatch("order", {"amount": 5}, deadline=timedelta(seconds=2))
    result = await run.result(timeout=20)

    child = await (await child_of(app, run)).view()
    assert child.deadline == (await run.view()).deadline
    assert (child.status, child.error.type, UNDONE) == ("compensated", "DeadlineExceeded", ["charged 5"])
    assert (result.status, result.error.type) == ("compensated", "DeadlineExceeded")


async def test_a_child_has_the_tenant_and_the_policy_of_its_parent(serve: Any, registry: ActivityRegistry):
    @registry.execute
    async def revise() -> Revised[str]:
        return Revised("revised", insert=[Step("ship")])

    inner = Workflow("inner", ["revise"])
    app = await serve(inner, Workflow("outer", [SubWorkflow("inner")], revision=RevisionPolicy(max_added=0)))

    run = await app.dispatch("outer", {}, tenant="acme")
    result = await run.result(timeout=20)

    assert result.error.type.endswith("RevisionRefused")
    assert (await (await child_of(app, run)).view()).tenant == "acme"


async def test_a_branch_that_is_not_needed_takes_its_child_with_it(serve: Any):
    race = Parallel(slow=[SubWorkflow("billing")], fast=["take"], join="any", name="race")
    app = await serve(Workflow("billing", ["charge", "forever"]), Workflow("order", [race]))

    run = await app.dispatch("order", {"amount": 2})
    result = await run.result(timeout=20)

    assert result.output == {"fast": {"amount": 2}}
    children = (await run.view()).children
    assert {child.ended for child in children} <= {"compensated", "cancelled"}


async def test_a_child_that_waits_for_a_person_is_retried_through_its_parent_too(serve: Any):
    app = await serve(Workflow("billing", ["ask"]), Workflow("order", [SubWorkflow("billing")]))
    run = await app.dispatch("order", {})
    child = await child_of(app, run)
    await until(child, "waiting")
    view = await until(run, "waiting")
    assert (view.reason, view.nodes[0].status) == ("child", "waiting")
    [why] = (await run.why()).because
    assert (why.cause, why.verbs) == ("child", (f"why {child.workflow_id}", "cancel"))
    await child.set_variable("answer", "yes")

    await run.retry()

    assert (await run.result(timeout=20)).output == "yes"


async def test_a_run_that_waits_for_a_child_which_gets_on_is_not_retried(serve: Any):
    app = await serve(Workflow("billing", ["forever"]), Workflow("order", [SubWorkflow("billing")]))
    run = await app.dispatch("order", {})
    child = await child_of(app, run)
    await until_at(child, "forever")
    await until(run, "waiting")

    with pytest.raises(WrongState, match=f"waits for its child {child.workflow_id}"):
        await run.retry()
    await run.terminate()


async def test_a_fork_begins_a_child_of_its_own_or_has_the_output_of_the_one_before(serve: Any):
    app = await serve(BILLING, ORDER)
    run = await app.dispatch("order", {})
    await run.result(timeout=20)

    anew = await run.fork("billing", {"take": {"amount": 8}})
    behind = await run.fork("ship")

    assert (await anew.result(timeout=20)).output == "receipt: charged 8"
    assert (await behind.result(timeout=20)).output == "receipt: charged 5"
    assert (len((await anew.view()).children), len((await behind.view()).children)) == (1, 0)


def test_a_workflow_that_runs_itself_is_an_error_where_it_is_declared(registry: ActivityRegistry):
    with pytest.raises(RegistrationError, match="runs itself: a → b → a"):
        Paigeant(registry, workflows=[Workflow("b", [SubWorkflow("a")]), Workflow("a", [SubWorkflow("b")])])
    with pytest.raises(RegistrationError, match="runs itself: a → a"):
        Paigeant(registry, workflows=[Workflow("a", ["take", Parallel(["ship"], [SubWorkflow("a")])])])


async def test_a_workflow_that_is_not_known_is_an_error_at_the_dispatch(serve: Any):
    app = await serve(BILLING, Workflow("order", [Parallel(["ship"], x=[SubWorkflow("biling")])]))

    with pytest.raises(UnknownWorkflow, match="did you mean 'billing'"):
        await app.dispatch("order", {})


async def test_a_check_names_what_must_go_wrong_in_a_sub_workflow(serve: Any):
    inner = Parallel(["ship"], x=[SubWorkflow("biling"), SubWorkflow("billing", input="bil")])
    app = await serve(BILLING, Workflow("order", ["take", inner]), worker=False)

    flaws = await app.check()

    assert [(flaw.workflow, flaw.step, flaw.position, flaw.rule) for flaw in flaws] == [
        ("order", "billing", 2, "missing-name"),
        ("order", "biling", 2, "unserved"),
    ]


async def test_what_a_dispatch_checks_it_checks_in_the_workflows_within_too(serve: Any):
    app = await serve(Workflow("billing", ["nobody"]), ORDER, Workflow("long", ["ship"] * 1_500))
    twice = Workflow("twice", [SubWorkflow("long"), SubWorkflow("long", name="again")])

    with pytest.raises(UnknownStep, match="nobody"):
        await app.dispatch("order", {})
    with pytest.raises(InvalidInput, match="3,002 entries"):
        await app.dispatch(twice, {})


async def test_a_revision_cannot_add_one(serve: Any, registry: ActivityRegistry):
    @registry.execute
    async def revise() -> Revised[str]:
        return Revised("revised", insert=[SubWorkflow("billing")])

    app = await serve(BILLING, Workflow("w", ["revise"]))

    result = await (await app.dispatch("w", {})).result(timeout=20)

    assert "its plan" not in result.error.message
    assert "whose plan is taken when a run is dispatched" in result.error.message


@pytest.mark.parametrize(("wrong", "why"), [({"workflow": "no name!"}, "workflow"), ({"input": "a b"}, "input")])
def test_wrong_options_are_errors_where_they_are_written(wrong: dict[str, Any], why: str):
    with pytest.raises(RegistrationError, match=f"test_sub_workflows.py:.*SubWorkflow: .*{why}"):
        SubWorkflow(**{"workflow": "billing", **wrong})


async def until_at(run: Run, step: str) -> None:
    """Return once a step of the run runs."""
    async for view in run.follow(timeout=20):
        if any(one.step == step and one.status == "running" for one in view.steps):
            return
    raise AssertionError(f"{step} never ran")


@pytest.mark.parametrize(("last", "end"), [("ship", "completed"), ("decline", "compensated")])
async def test_whichever_commit_kills_the_worker_a_child_begins_once_and_its_parent_hears_of_it(
    registry: ActivityRegistry, last: str, end: str
):
    workflows = [BILLING, Workflow("order", [SubWorkflow("billing"), last])]

    async with testing.app(registry, workflows=workflows) as env:
        crashed = await env.crash_after_each_commit("order", {"amount": 5}, compare=with_children)

    assert {one.result.status for one in crashed} == {end}
    assert {"charge", "receipt", "paigeant.flow", last} == {one.step for one in crashed}


def with_children(view: Any) -> object:
    return outcome(view), [(child.workflow, child.position, child.ended) for child in view.children]
