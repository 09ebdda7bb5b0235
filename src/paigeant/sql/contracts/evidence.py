"""Evidence: contract methods over a database."""

# ruff: noqa: D102 -- the contract documents the guarantees of each method

from __future__ import annotations

from uuid import UUID

from paigeant.abc import EvidenceReader
from paigeant.model.custody.evidence import Evidence
from paigeant.model.custody.notes import StoredNote
from paigeant.model.custody.records import StoredRecord
from paigeant.sql.contracts.base import InDatabase
from paigeant.sql.statements.custody import evidence, notes, records


class SqlEvidence(InDatabase, EvidenceReader):
    """Contract methods over a database."""

    async def load_records(self, workflow_id: UUID) -> list[StoredRecord]:
        return await self.database.read(lambda tx: records.load_records(tx, workflow_id), single=True)

    async def load_notes(self, workflow_id: UUID, step_id: UUID) -> list[StoredNote]:
        return await self.database.read(lambda tx: notes.load_notes(tx, workflow_id, step_id))

    async def load_evidence(self, workflow_id: UUID) -> Evidence:
        return await self.database.read(lambda tx: evidence.load_evidence(tx, workflow_id))
