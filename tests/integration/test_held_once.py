"""A hop is held once whose end somebody has forged, however often workers look, and ends when a person asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import Column, Text

from paigeant.engine.upkeep.closer import close_due
from paigeant.model.hops import HopKey
from paigeant.model.runs import RunStatus
from tests.integration.edits import Edit, Flows
from tests.integration.test_tampering import Database

OPEN: Final = " WHERE workflow_id = '{run}' AND completed_at IS NULL"
FORGED: Final = {
    "a request to cancel": ("UPDATE workflow_runs SET cancel_requested = 'plain', closes_at = created_at" + OPEN,),
    "a branch that ends": ("UPDATE step_executions SET closes = true" + OPEN,),
}


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def flows(request: pytest.FixtureRequest, tmp_path: Path, tell_postgres: Any) -> Flows:
    url = f"sqlite:///{tmp_path}/paigeant.db"
    url = request.getfixturevalue("new_postgres")() if request.param == "postgresql" else url
    return Flows(Database(url, tell_postgres), tmp_path)


@pytest.mark.parametrize("forged", FORGED.values(), ids=FORGED)
async def test_what_nobody_has_signed_is_held_once_and_a_request_of_a_person_ends_it(
    flows: Flows, forged: tuple[str, ...]
):
    [(run, _)] = (await flows.prepare([Edit("coat", "coat", Column("x", Text))])).values()
    flows.database.edit(*forged, run=run.workflow_id)

    async with flows.app() as app:
        found = [await close_due(app.runtime) for _ in range(4)]
        view = await app.run(run.workflow_id).view()

        assert found == [1, 0, 0, 0]
        assert (view.status, view.reason, view.steps[-1].attempt) == (RunStatus.WAITING, "tampered", 1)
        assert await app.runtime.store.get_message(HopKey(run.workflow_id, "", 3)) is not None

        await app.run(run.workflow_id).cancel()

        assert (await app.run(run.workflow_id).view()).status is RunStatus.CANCELLED
