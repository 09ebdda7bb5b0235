"""Branches are signed one by one, and whoever joins them has seen what was signed of each."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from paigeant import ActivityRegistry, ForEach, Paigeant, Parallel, RetryPolicy, RunStatus, Step, Workflow
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.model.runs import RunView, WaitReason
from paigeant.testing.waiting import eventually
from tests.integration.evidence import audit_twice
from tests.integration.test_tampering import Database

WHERE = "WHERE workflow_id = '{run}'"


class Yard:
    """Branches in one database, with workers that have seen nothing of each other's."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/paigeant.db", lambda _: None)
        self.undone: list[str] = []
        self.registry = ActivityRegistry()

        @self.registry.execute
        async def pick() -> list[int]:
            return [1, 2, 3]

        @self.registry.execute
        async def paint(item: int) -> int:
            return item * 2

        @self.registry.compensate("paint")
        async def strip(output: int) -> None:
            self.undone.append(f"strip {output}")

        self._add_wood()

    def _add_wood(self) -> None:
        @self.registry.execute
        async def saw(payload: str) -> str:
            return f"{payload} sawn"

        @self.registry.compensate("saw")
        async def glue(output: str) -> None:
            self.undone.append(f"glue {output}")

        @self.registry.execute
        async def sand(previous: str) -> str:
            return f"{previous} sanded"

        @self.registry.execute
        async def ship(sand: str, paints: list[int], payload: str) -> str:
            if payload == "bad":
                raise ValueError("it does not fit")
            return f"{sand} {sum(paints)}"

    def app(self) -> Paigeant:
        entries: list[Any] = [
            "pick",
            Parallel(wood=["saw", "sand"], other=[Step("saw", name="offcut")]),
            ForEach(in_="pick", step="paint", item="item", name="paints"),
            Step("ship", retry=RetryPolicy(max_attempts=1)),
        ]
        settings = Settings(store=self.database.url, signing="on", lease=5, grace=1)
        return Paigeant(self.registry, workflows=[Workflow("yard", entries)], settings=settings)

    async def run(self, payload: str, *, until: Any = None) -> tuple[Run[Any], RunView]:
        """Run it with workers that each serve one activity, until it stands like this."""
        async with self.app() as app:
            run = await app.dispatch("yard", payload)
        return run, await self.go_on(run, until=until)

    async def go_on(self, run: Run[Any], *, without: str = "", until: Any = None) -> RunView:
        """Let workers that have seen nothing go on with a run."""
        found: list[RunView] = []

        async def serve(step: str) -> None:
            async with self.app() as app, app.worker(activities=[step]):
                await done.wait()

        done = asyncio.Event()
        async with self.app() as app, asyncio.TaskGroup() as group:
            for step in self.registry:
                if step != without:
                    group.create_task(serve(step))

            async def ask() -> bool:
                found[:] = [await app.run(run.workflow_id).view()]
                return (until or _is_over)(found[0])

            try:
                await eventually(ask, within=30)
            finally:
                done.set()
        return found[0]


def _is_over(view: RunView) -> bool:
    return view.status.final or view.reason == WaitReason.TAMPERED


@pytest.fixture
def yard(tmp_path: Path) -> Yard:
    return Yard(tmp_path)


async def test_each_branch_and_each_join_is_signed_and_verifies(yard: Yard):
    run, view = await yard.run("oak")

    async with yard.app() as app:
        found = await audit_twice(app, run.workflow_id)
    assert view.status is RunStatus.COMPLETED
    assert (found.verdict, found.broken) == ("intact", None)
    kinds = [hop["kind"] for hop in found.hops]
    assert (kinds.count("branch"), kinds.count("join")) == (5, 2)


async def test_branches_are_undone_by_workers_that_have_seen_nothing_of_them(yard: Yard):
    run, view = await yard.run("bad")

    async with yard.app() as app:
        found = await audit_twice(app, run.workflow_id)
    assert view.status is RunStatus.COMPENSATED
    assert sorted(yard.undone) == ["glue bad sawn", "glue bad sawn", "strip 2", "strip 4", "strip 6"]
    assert (found.verdict, found.broken) == ("intact", None)


EDITS = {
    "what a branch came to": 'UPDATE branches SET output = \'{{"value":"gold"}}\' ' + WHERE + " AND branch = '2.1'",
    "a record of a branch": "UPDATE records SET text = replace(text, '\"attempt\"', '\"attempts\"') "
    + WHERE
    + " AND path = '2.1' AND position = 1",
    "a record of a branch that is gone": "DELETE FROM records " + WHERE + " AND path = '2.1' AND position = 1",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_a_branch_that_was_edited_is_not_joined(yard: Yard, edit: str):
    async with yard.app() as app:
        run = await app.dispatch("yard", "oak")
    await yard.go_on(run, without="sand", until=_other_is_done)
    yard.database.edit(edit, run=run.workflow_id)

    view = await yard.go_on(run)

    assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)
    assert any("2.1, " in error.message for node in view.journey for error in node.errors)


def _other_is_done(view: RunView) -> bool:
    return any(hop.path == "2.1" and str(hop.status) == "completed" for hop in view.journey)


async def test_an_audit_names_the_branch_of_which_a_record_is_gone(yard: Yard):
    run, _ = await yard.run("oak")
    yard.database.edit("DELETE FROM records " + WHERE + " AND path = '2.1' AND position = 1", run=run.workflow_id)

    async with yard.app() as app:
        found = await audit_twice(app, run.workflow_id)

    assert found.broken is not None
    assert (found.verdict, found.broken.path, found.broken.position) == ("broken", "2.1", 1)
