"""The evidence of a run is in its archive before the run is deleted; a run whose evidence cannot be written stays."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic_core import to_json

from paigeant import ActivityRegistry, Paigeant, Run, Workflow
from paigeant.app import Prunable
from paigeant.app.choosing import DEVELOPMENT_KEY
from paigeant.app.custody import Custody, public_half, verify_document
from paigeant.config import Settings
from paigeant.errors import ConfigError, InvalidInput, UnknownRun
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key

NOW = timedelta()


@pytest.fixture
async def app(tmp_path: Path) -> AsyncIterator[Paigeant]:
    registry = ActivityRegistry()

    @registry.execute
    async def draft(payload: str) -> str:
        return f"text of {payload}"

    settings = Settings(store=f"sqlite:///{tmp_path}/paigeant.db", signing="on")
    async with Paigeant(registry, workflows=[Workflow("w", ["draft"])], settings=settings) as made:
        yield made


async def ended(app: Paigeant, count: int) -> list[Run]:
    async with app.worker():
        runs = [await app.dispatch("w", str(number)) for number in range(count)]
        for run in runs:
            await run.result(timeout=20)
    return runs


async def pruned(app: Paigeant, archive: Path, **more: Any) -> Prunable:
    total = Prunable(0, 0)
    async for gone in app.administration.prune(NOW, archive=archive, **more):
        total = total.with_more(gone)
    return total


def trusted(folder: Path) -> Path:
    path = folder / "trusted.json"
    rights = ("dispatch:*", "step:*", "operate:*")
    path.write_bytes(to_json({"keys": [public_half(folder / "keys" / DEVELOPMENT_KEY, "development", rights)]}))
    return path


async def test_each_run_is_archived_and_its_file_verifies_without_the_store(app: Paigeant, tmp_path: Path):
    runs = await ended(app, 5)

    gone = await pruned(app, tmp_path / "old" / "runs", batch=2)

    assert gone == Prunable(5, 0)
    files = sorted((tmp_path / "old" / "runs").iterdir())
    assert [file.name for file in files] == sorted(f"{run.workflow_id}.json" for run in runs)
    for file in files:
        assert file.stat().st_mode & 0o777 == 0o600
        found = verify_document(file.read_bytes(), trusted(tmp_path), app.settings)
        assert (f"{found.workflow_id}.json", found.verdict) == (file.name, "intact")
    for run in runs:
        with pytest.raises(UnknownRun):
            await run.status()


async def test_a_file_that_is_there_is_never_written_over_and_its_run_stays(app: Paigeant, tmp_path: Path):
    mine, other = await ended(app, 2)
    taken = tmp_path / "runs" / f"{mine.workflow_id}.json"
    taken.parent.mkdir()
    taken.write_text("something else")

    gone = await pruned(app, taken.parent)

    [kept] = gone.kept
    assert (gone.runs, kept.workflow_id) == (1, mine.workflow_id)
    assert "is there already" in kept.why
    assert taken.read_text() == "something else"
    assert await mine.status()
    with pytest.raises(UnknownRun):
        await other.status()


async def test_whoever_was_interrupted_after_a_file_was_written_deletes_the_run_with_the_next_call(
    app: Paigeant, tmp_path: Path
):
    [run] = await ended(app, 1)
    path = tmp_path / "runs" / f"{run.workflow_id}.json"
    path.parent.mkdir()
    made = await Custody(app).export(run.workflow_id)
    path.write_bytes(made)

    assert await pruned(app, path.parent) == Prunable(1, 0)

    assert path.read_bytes() == made


async def test_nothing_is_deleted_if_the_disk_is_full(app: Paigeant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    [run] = await ended(app, 1)

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(InvalidInput, match="No space left"):
        await pruned(app, tmp_path / "runs")

    assert await run.status()
    assert list((tmp_path / "runs").iterdir()) == []


async def test_a_folder_that_cannot_be_made_deletes_nothing(app: Paigeant, tmp_path: Path):
    [run] = await ended(app, 1)
    (tmp_path / "file").write_text("")

    with pytest.raises(InvalidInput, match="file"):
        await pruned(app, tmp_path / "file")

    assert await run.status()


async def test_a_key_that_may_not_export_archives_and_deletes_nothing(app: Paigeant, tmp_path: Path):
    [run] = await ended(app, 1)
    write_key(tmp_path / "key", SigningKey.generate())
    (tmp_path / "trust").write_bytes(to_json({"keys": [public_half(tmp_path / "key", "desk", ["operate:prune"])]}))
    settings = app.settings.model_copy(update={"signing_key": str(tmp_path / "key"), "trust": str(tmp_path / "trust")})

    async with Paigeant(settings=settings) as desk:
        with pytest.raises(ConfigError, match="may not operate:export"):
            await pruned(desk, tmp_path / "runs")

    assert await run.status()
    assert not (tmp_path / "runs").exists()
