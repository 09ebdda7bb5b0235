"""A key is rotated while runs are under way: none of them is held, whichever of the two keys has signed what."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

import pytest

from paigeant import ActivityRegistry, Paigeant, RunStatus, Workflow
from paigeant.app.custody import Custody, public_half, retire_key, rotate_key
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key

ALL: Final = ("dispatch:*", "step:*", "operate:*")


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Return settings with a key and a key set, whose files are looked at all the time, and not once a minute."""
    monkeypatch.setattr("paigeant.security.custody.keyring.LOOK", 0.05)
    write_key(tmp_path / "key", SigningKey.generate())
    (tmp_path / "trust").write_text(json.dumps({"keys": [public_half(tmp_path / "key", "all", ALL)]}))
    signing: dict[str, Any] = {"signing_key": str(tmp_path / "key"), "trust": str(tmp_path / "trust")}
    return Settings(store=f"sqlite:///{tmp_path}/paigeant.db", grace=1, lease=10, signing="on", **signing)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("count", [20, pytest.param(334, marks=pytest.mark.slow)])
async def test_no_run_is_held_while_a_key_is_rotated_and_the_old_one_retired(
    settings: Settings, tmp_path: Path, count: int
):
    registry = ActivityRegistry()

    @registry.execute
    async def add(payload: int, previous: int) -> int:
        del payload
        return previous + 1

    workflow, key = Workflow("sum", [add] * 5), tmp_path / "key"
    runs: list[Run[Any]] = []
    async with Paigeant(registry, workflows=[workflow], settings=settings) as app, app.worker():
        runs += [await app.dispatch(workflow, 0) for _ in range(count)]
        kids = [rotate_key(settings, key, now=True)]
        runs += [await app.dispatch(workflow, 0) for _ in range(count)]
        kids.append(retire_key(settings, key))
        runs += [await app.dispatch(workflow, 0) for _ in range(count)]
        ends = [await run.result(timeout=200) for run in runs]
    async with Paigeant(registry, workflows=[workflow], settings=settings) as fresh:
        custody = Custody(fresh)
        audits = [(await custody.verify(run.workflow_id)).verdict for run in runs[:: max(1, count // 20)]]
        records = [await fresh.store.load_records(run.workflow_id) for run in (runs[0], runs[-1])]

    assert {(end.status, end.output) for end in ends} == {(RunStatus.COMPLETED, 5)}
    assert [step for end in ends for step in end.steps if step.errors] == []
    assert set(audits) == {"intact"}
    assert len({stored.record.jws.partition(b"..")[0] for each in records for stored in each}) == len(kids)
