"""Archive: the evidence of a run in a file, written before the run is deleted."""

from __future__ import annotations

import os
import secrets
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID

from paigeant.abc import Store
from paigeant.app.custody import Custody
from paigeant.app.operating.bulk import Refused
from paigeant.errors import InvalidInput, UnknownRun
from paigeant.model.runs import RunStatus

KEPT: Final = 1_000
"""Limit of runs whose evidence cannot be written, before the pruning is aborted."""


class Archive:
    """Writes the evidence of runs into a folder, one file each, ``ID.json``, readable by its owner only.

    A file is complete or absent, on disk when the call returns, and never overwritten.
    """

    def __init__(self, folder: Path, custody: Custody) -> None:
        """Write into this folder, which is created if it does not exist; raises InvalidInput if that fails."""
        self._folder, self._custody = folder, custody
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise InvalidInput(f"{folder}: {error.strerror}") from error

    async def keep(self, workflow_id: UUID) -> bool:
        """Write the evidence of a run; returns False if a file with the run's present state exists.

        Raises InvalidInput for evidence that is too large, or if a file of this name has other content, UnknownRun,
        ConfigError without a key that may ``operate:export``, and OSError.
        """
        made, path = await self._custody.export(workflow_id), self.path_of(workflow_id)
        if _write_new(path, made):
            return True
        if not self._custody.are_same(path.read_bytes(), made):
            raise InvalidInput(f"{path} is there already, and is not the evidence of the run as it stands")
        return False

    def path_of(self, workflow_id: UUID) -> Path:
        """Return the file of a run."""
        return self._folder / f"{workflow_id}.json"


class ArchivedPruning:
    """Deletes runs as :meth:`~paigeant.abc.Operator.prune` does, each once its evidence is in an archive."""

    def __init__(self, store: Store, archive: Archive, age: timedelta, statuses: Collection[RunStatus]) -> None:
        """Delete runs that ended longer ago than this, with these statuses."""
        self._store, self._archive = store, archive
        self._age, self._statuses = age, statuses
        self._kept: dict[UUID, str] = {}

    async def delete_some(self, batch: int) -> tuple[int, tuple[Refused, ...]] | None:
        """Delete some runs; returns the number deleted, and the runs that cannot be archived; None at the end.

        Raises InvalidInput if nothing can be written, and once 1,000 runs stay.
        """
        found = await self._store.find_ended(self._age, self._statuses, batch, without=self._kept)
        if not found:
            await self._store.prune(self._age, self._statuses, batch, only=())
            return None
        written = {run: new for run in found if (new := await self._written(run)) is not None}
        gone = 0
        while some := await self._store.prune(self._age, self._statuses, batch, only=list(written)):
            gone += some
        for run, new in written.items():
            if await self._is_there(run):  # resumed a moment ago, or locked by another process: it has not ended
                self._kept[run] = "it is not over any more, or somebody else is deleting it"
                if new:
                    self._archive.path_of(run).unlink(missing_ok=True)
        if len(self._kept) >= KEPT:
            raise InvalidInput(f"the evidence of {KEPT:,} runs cannot be written: see to that first")
        kept = tuple(Refused(workflow_id=run, why=self._kept[run]) for run in found if run in self._kept)
        return gone, kept

    async def _written(self, run: UUID) -> bool | None:
        """Return True if the evidence of a run was written now, False if before; None if it cannot be written."""
        try:
            return await self._archive.keep(run)
        except (InvalidInput, UnknownRun) as error:
            self._kept[run] = str(error)
            return None
        except OSError as error:  # the disk is full or not writable: it is for all other runs too
            raise InvalidInput(f"{self._archive.path_of(run)}: {error.strerror}") from error

    async def _is_there(self, run: UUID) -> bool:
        try:
            await self._store.get_status(run)
        except UnknownRun:
            return False
        return True


def _write_new(path: Path, made: bytes) -> bool:
    """Write a file completely and flush it to disk, unless the name exists; returns True if it was written.

    The run is deleted right afterwards: without the flush, a power failure could leave an empty file and no run.
    ``link`` gives the name to a complete file, and to only one.
    """
    partial = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(made)
            opened.flush()
            os.fsync(opened.fileno())
        try:
            os.link(partial, path)
        except FileExistsError:
            return False
    finally:
        partial.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return True
