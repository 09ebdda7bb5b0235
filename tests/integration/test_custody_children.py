"""A child's dispatch is signed where it begins; whoever leaves the node has seen what was signed of the child."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant, RunStatus, SubWorkflow, Terminal, Workflow
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.model.runs import RunView, WaitReason
from paigeant.testing.waiting import eventually
from tests.integration.evidence import audit_twice
from tests.integration.test_tampering import Database


class Shop:
    """A workflow within another, in one database, with workers that have seen nothing of each other's."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/paigeant.db", lambda _: None)
        self.registry = ActivityRegistry()
        self.undone: list[str] = []
        self.declined = False
        self.waits = False

        @self.registry.execute
        async def charge(payload: str) -> str:
            if self.declined:
                raise Terminal("declined")
            return f"{payload} charged"

        @self.registry.compensate("charge")
        async def refund(output: str) -> None:
            self.undone.append(output)

        @self.registry.execute
        async def ship(previous: str) -> str:
            if previous.startswith("bad"):
                raise Terminal("nobody ships there")
            return previous

        @self.registry.execute
        async def forever() -> None:
            self.waits = True
            await asyncio.sleep(600)

    def app(self) -> Paigeant:
        workflows = [
            Workflow("billing", ["charge"]),
            Workflow("order", [SubWorkflow("billing"), "ship"]),
            Workflow("slow", ["charge", "forever"]),
            Workflow("wait", [SubWorkflow("slow")]),
        ]
        settings = Settings(store=self.database.url, signing="on", lease=5, grace=1)
        return Paigeant(self.registry, workflows=workflows, settings=settings)

    async def go_on(self, run: Run[Any], until: Callable[[RunView], bool]) -> RunView:
        """Let a worker that has seen nothing go on with a run until it stands like this."""
        found: list[RunView] = []
        async with self.app() as app, app.worker():

            async def ask() -> bool:
                found[:] = [await app.run(run.workflow_id).view()]
                return until(found[0])

            await eventually(ask, within=30)
        return found[0]

    async def verdicts(self, view: RunView) -> list[str]:
        """Return what an audit says of a run and of its children."""
        async with self.app() as app:
            runs = [view.workflow_id, *(child.workflow_id for child in view.children)]
            audits = [await audit_twice(app, run) for run in runs]
        assert [audit.broken for audit in audits] == [None] * len(audits)
        return [audit.verdict for audit in audits]


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def over(view: RunView) -> bool:
    return view.status.final or view.reason == WaitReason.TAMPERED


async def test_a_child_is_signed_like_any_run_and_both_verify(shop: Shop):
    async with shop.app() as app:
        run = await app.dispatch("order", "oak")

    view = await shop.go_on(run, over)

    assert (view.status, view.output) == (RunStatus.COMPLETED, "oak charged")
    assert await shop.verdicts(view) == ["intact", "intact"]


async def test_a_child_that_turns_round_is_signed_and_verifies(shop: Shop):
    async with shop.app() as app:
        run = await app.dispatch("order", "bad")

    view = await shop.go_on(run, over)

    assert (view.status, shop.undone) == (RunStatus.COMPENSATED, ["bad charged"])
    assert await shop.verdicts(view) == ["intact", "intact"]
    async with shop.app() as app:
        audit = await audit_twice(app, view.children[0].workflow_id)
    assert [hop["kind"] for hop in audit.hops] == ["dispatch", "hop", "turn", "hop"]


@pytest.mark.parametrize("verb", ["cancel", "undo", "terminate"])
async def test_who_ends_a_run_has_signed_the_end_of_its_child(shop: Shop, verb: str):
    async with shop.app() as app:
        run = await app.dispatch("wait", "oak")
    await shop.go_on(run, lambda _: shop.waits)
    async with shop.app() as app:
        handle = app.run(run.workflow_id)
        await (handle.terminate() if verb == "terminate" else handle.cancel(compensate=verb == "undo"))

    view = await shop.go_on(run, over)

    assert view.status == {"cancel": "cancelled", "undo": "compensated", "terminate": "terminated"}[verb]
    assert await shop.verdicts(view) == ["intact", "intact"]


async def test_who_retries_a_run_has_signed_that_its_child_goes_on(shop: Shop):
    shop.declined = True
    async with shop.app() as app:
        run = await app.dispatch("order", "oak")
    assert (await shop.go_on(run, over)).status is RunStatus.FAILED
    shop.declined = False
    async with shop.app() as app:
        await app.run(run.workflow_id).retry()

    view = await shop.go_on(run, over)

    assert view.status is RunStatus.COMPLETED
    assert await shop.verdicts(view) == ["intact", "intact"]


ENDS = "AFTER UPDATE OF completed_at ON workflow_runs WHEN NEW.parent_id IS NOT NULL AND NEW.status = 'completed'"
LEFT = (
    "AFTER INSERT ON records WHEN NEW.kind = 'hop' "
    "AND (SELECT parent_id FROM workflow_runs WHERE workflow_id = NEW.workflow_id) IS NOT NULL"
)
CHILD = "WHERE workflow_id = NEW.workflow_id"
EDITS = {
    "what it came to": f'{ENDS} BEGIN UPDATE workflow_runs SET output = \'{{{{"value":"gold"}}}}\' {CHILD}; END',
    "how it ended": f"{ENDS} BEGIN UPDATE workflow_runs SET status = 'failed' {CHILD}; END",
    "a record": f"{LEFT} BEGIN UPDATE records SET text = replace(text, '\"attempt\"', '\"attempts\"') {CHILD}; END",
    "all records": f"{LEFT} BEGIN DELETE FROM records {CHILD}; END",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_the_node_of_a_child_that_somebody_edits_is_not_left(shop: Shop, edit: str):
    async with shop.app() as app:
        run = await app.dispatch("order", "oak")
    shop.database.edit(f"CREATE TRIGGER edited {edit}")

    view = await shop.go_on(run, over)

    assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)
    assert f"run {view.children[0].workflow_id}" in view.nodes[0].errors[-1].message or "record" in edit
