"""A run whose steps may revise it within a policy is judged like any other, forward and back."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant, Parallel, RetryPolicy, Revised, RunStatus, Step, Workflow
from paigeant.app.custody import Custody
from paigeant.config import Settings
from paigeant.model.revision import RevisionPolicy
from paigeant.testing.waiting import eventually
from tests.integration.evidence import audit_twice


@pytest.mark.parametrize(("payload", "status"), [("good", RunStatus.COMPLETED), ("bad", RunStatus.COMPENSATED)])
async def test_a_run_under_a_policy_goes_on_and_is_undone(tmp_path: Path, payload: str, status: RunStatus):
    registry, undone = ActivityRegistry(), list[str]()

    @registry.execute
    async def plan() -> Revised[str]:
        return Revised("planned", insert=[Step("paint")])

    @registry.execute
    async def paint() -> str:
        return "painted"

    @registry.compensate("paint")
    async def strip(output: str) -> None:
        undone.append(output)

    @registry.execute("ship", retry=RetryPolicy(max_attempts=1))
    async def ship(payload: str) -> str:
        if payload == "bad":
            raise ValueError("it does not fit")
        return "shipped"

    entries: list[Any] = ["plan", Parallel(left=["paint"], right=["plan"]), "ship"]
    workflow = Workflow("house", entries, revision=RevisionPolicy(allow=("paint",), max_added=3))
    settings = Settings(store=f"sqlite:///{tmp_path}/paigeant.db", signing="on", grace=1, lease=10)
    async with Paigeant(registry, workflows=[workflow], settings=settings) as app:
        run = await app.dispatch(workflow, payload)

        async def is_over() -> bool:
            view = await run.view()
            return view.status.final or bool(view.reason)

        async with Paigeant(registry, workflows=[workflow], settings=settings) as other, other.worker():
            await eventually(is_over, within=50)
        view, audit = await run.view(), await Custody(app).verify(run.workflow_id)

    assert (view.status, view.reason, audit.verdict) == (status, None, "intact")
    assert undone == (["painted"] * 3 if payload == "bad" else [])


async def test_an_audit_finds_a_plan_that_was_edited(tmp_path: Path):
    """It is too long to travel: it lies in the store, and messages have its digest."""
    registry = ActivityRegistry()

    @registry.execute
    async def draft(note: str) -> str:
        return note[:1]

    settings = Settings(store=f"sqlite:///{tmp_path}/a.db", signing="on", grace=1, lease=10)
    workflow = Workflow("long", [Step("draft", {"note": "x" * 500})] * 12)
    async with Paigeant(registry, workflows=[workflow], settings=settings) as app, app.worker():
        run = await app.dispatch(workflow, None)
        await run.result(20)
        assert (await audit_twice(app, run.workflow_id)).broken is None

        for change in (
            "UPDATE plans SET entries = CAST(replace(CAST(entries AS TEXT), 'xx', 'xy') AS BLOB)",
            "DELETE FROM run_plans",
        ):
            with closing(sqlite3.connect(tmp_path / "a.db")) as connection:
                assert connection.execute(change).rowcount == 1
                connection.commit()
            broken = (await Custody(app).verify(run.workflow_id)).broken
            assert broken is not None
            assert (broken.link, "is not in the store as it was kept" in broken.why) == ("plan", True)
