"""What agents were told and have answered is signed: another goes on from that, or the run is held."""

from __future__ import annotations

import sqlite3
import zlib
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from pydantic_ai import Agent, ModelMessage, ModelResponse, TextPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from paigeant import ActivityRegistry, Paigeant, Parallel, RunStatus, Workflow
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.model.runs import WaitReason
from paigeant.testing.waiting import eventually
from tests.integration.evidence import audit_twice


class Office:
    """A researcher, whose conversation a writer goes on with, once somebody has said so; or an editor of two."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, list[str]()
        self.registry = ActivityRegistry()
        for name in ("researcher", "checker"):
            self.registry.agent(self._agent(name), prompt="facts on {payload}")
        self.registry.agent(self._agent("writer"), prompt="write", history="researcher")

    def _agent(self, name: str) -> Agent[Any, str]:
        def answer(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
            self.asked.append(name)
            return ModelResponse(parts=[TextPart(f"{name} of {len(messages)}")])

        return Agent(FunctionModel(answer), name=name)

    def app(self, *, served: bool = True) -> Paigeant:
        registry = self.registry if served else ActivityRegistry()
        if not served:
            for name in ("researcher", "checker"):
                registry.agent(self._agent(name), prompt="facts on {payload}")
        settings = Settings(store=f"sqlite:///{self.folder}/a.db", signing="on", grace=1, lease=5)
        branches = Parallel(one=["researcher"], two=["checker"])
        flows = [Workflow("line", ["researcher", "writer"]), Workflow("both", [branches, "writer"])]
        return Paigeant(registry, workflows=flows, settings=settings)

    def edit(self, statement: str, *values: Any) -> int:
        with closing(sqlite3.connect(self.folder / "a.db")) as connection:
            changed = connection.execute(statement, values).rowcount
            connection.commit()
            return changed


@pytest.fixture
def office(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Office:
    monkeypatch.chdir(tmp_path)  # where the key of this machine is made
    return Office(tmp_path)


async def _before_the_writer(office: Office, workflow: str) -> Run[Any]:
    async with office.app() as app:
        run = await app.dispatch(workflow, "tea")
    async with office.app(served=False) as app, app.worker():
        await eventually(lambda: _waits_for_the_writer(app, run), within=20)
    return run


async def _waits_for_the_writer(app: Paigeant, run: Run[Any]) -> bool:
    steps = (await app.run(run.workflow_id).view()).steps
    return [each.step for each in steps][-1:] == ["writer"]


EDITS: Final = {
    "another text": "UPDATE histories SET payload = ? WHERE position = (SELECT max(position) FROM histories)",
    "deleted": "DELETE FROM histories WHERE payload IS NOT ?",
    "moved": "UPDATE histories SET position = position + 100 WHERE payload IS NOT ?",
    "said to be too large": "UPDATE histories SET payload = NULL WHERE payload IS NOT ?",
}


@pytest.mark.parametrize("workflow", ["line", "both"])
async def test_an_agent_goes_on_from_what_was_signed_and_the_audit_is_intact(office: Office, workflow: str):
    run = await _before_the_writer(office, workflow)
    async with office.app() as app, app.worker():
        result = await app.run(run.workflow_id).result(20)
        found = await audit_twice(app, run.workflow_id)

    assert (result.output, found.verdict, found.broken) == ("writer of 3", "intact", None)


@pytest.mark.parametrize("workflow", ["line", "both"])
@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_a_history_that_is_not_what_was_signed_is_shown_to_no_agent(office: Office, edit: str, workflow: str):
    run = await _before_the_writer(office, workflow)
    assert office.edit(edit, zlib.compress(b"[]")) >= 1

    async with office.app() as app, app.worker():
        await eventually(lambda: _held(app.run(run.workflow_id)), within=20)
        found = await audit_twice(app, run.workflow_id)

    assert "writer" not in office.asked
    assert found.broken is not None


async def _held(run: Run[Any]) -> bool:
    view = await run.view()
    assert not view.status.final, view.output
    return (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)
