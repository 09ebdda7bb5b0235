"""A step may rewrite the way ahead, within a policy that the run carries with it, and what it did can be read."""

from __future__ import annotations

from typing import Any

import pytest

from paigeant import ActivityRegistry, Parallel, Revised, RevisionPolicy, Step, Wait, Workflow
from paigeant.errors import InvalidInput


@pytest.fixture
def registry() -> ActivityRegistry:
    made = ActivityRegistry()

    @made.execute
    async def plan(add: int = 0, drop: list[str] | None = None) -> Revised[str]:
        steps = [Step("ship", {"parcel": n}) for n in range(add)]
        return Revised("planned", insert=steps, drop=drop or [], reason="the order says so")

    @made.execute
    async def audit() -> str:
        return "audited"

    @made.execute
    async def ship(parcel: int = -1) -> int:
        return parcel

    return made


async def test_a_revision_is_kept_on_its_step(serve: Any):
    app = await serve(Workflow("w", ["plan", "audit", "ship"]))

    result = await (await app.dispatch("w", {"add": 1, "drop": ["audit"]})).result(timeout=20)

    assert [step.step for step in result.steps] == ["plan", "ship", "ship"]
    [revision] = [step.revision for step in result.steps if step.revision is not None]
    assert revision.model_dump(mode="json") == {
        "author": "plan",
        "agent": False,
        "reason": "the order says so",
        "added": [{"at": 0, "entry": revision.added[0].model_dump(mode="json")["entry"]}],
        "discarded": [{"at": 0, "entry": revision.discarded[0].model_dump(mode="json")["entry"]}],
        "ahead": 2,
    }
    assert (revision.added[0].entry.label, revision.discarded[0].entry.label) == ("ship", "audit")


async def test_a_revision_beyond_the_policy_fails_its_step_and_names_the_rule(serve: Any):
    policy = RevisionPolicy(max_added=3, forbid_drop=("audit",))
    app = await serve(Workflow("w", ["plan", "plan", "audit"], revision=policy))

    twice = await (await app.dispatch("w", {"add": 2})).result(timeout=20)
    dropped = await (await app.dispatch("w", {"drop": ["audit"]})).result(timeout=20)
    narrowed = await (await app.dispatch("w", {"add": 1}, revision=RevisionPolicy(allow=("audit",)))).result(timeout=20)

    assert (twice.status, twice.error.position, twice.error.step) == ("failed", 4, "plan")
    assert "it adds 2 entries ('ship', 'ship') to 2 added before, and max_added is 3" in twice.error.message
    assert "it drops 'audit', and forbid_drop has 'audit'" in dropped.error.message
    assert "it adds 'ship', and allow has 'audit'" in narrowed.error.message


async def test_the_code_of_an_activity_may_add_any_entry(serve: Any, registry: ActivityRegistry):
    @registry.execute
    async def ask() -> Revised[str]:
        return Revised("asked", insert=[Wait("approved"), Step("ship", when="approved == 'yes'")])

    app = await serve(Workflow("w", ["ask"]))
    run = await app.dispatch("w", {})
    await run.signal("approved", "yes")

    result = await run.result(timeout=20)

    assert (result.output, [node.kind for node in result.nodes]) == (-1, ["wait"])


async def test_a_policy_of_a_dispatch_that_is_none_is_refused(serve: Any):
    app = await serve(Workflow("w", ["plan"]), worker=False)

    with pytest.raises(InvalidInput, match="revision is 3; it should be a RevisionPolicy"):
        await app.dispatch("w", {}, revision=3)
    with pytest.raises(InvalidInput, match="dispatch has no option 'revison'; did you mean 'revision'"):
        await app.dispatch("w", {}, revison=RevisionPolicy())


async def test_the_policy_holds_within_branches_too(serve: Any):
    branches = Parallel(left=["plan"], right=["audit"])
    app = await serve(Workflow("w", [branches], revision=RevisionPolicy(max_added=1)))

    within = await (await app.dispatch("w", {"add": 1})).result(timeout=20)
    beyond = await (await app.dispatch("w", {"add": 2})).result(timeout=20)

    assert within.status == "completed"
    assert beyond.status == "failed"
    assert "max_added is 1" in beyond.error.message
