"""The contract of the evidence reader: what was signed of runs, as it lies in the store."""

from __future__ import annotations

from abc import ABC, abstractmethod
from uuid import UUID

from paigeant.model.custody.evidence import Evidence
from paigeant.model.custody.records import StoredRecord


class EvidenceReader(ABC):
    """Reads what was signed of runs, for who judges a hop or audits a run."""

    @abstractmethod
    async def load_records(self, workflow_id: UUID) -> list[StoredRecord]:
        """Return what was signed of a run, as it lies there, by position, path and fence; of an unknown run nothing.

        Records are written with the start and the commits that they are of, and never changed. Whether they are as they
        were written is for a codec to judge: what is signed proves itself, or nothing.
        """

    @abstractmethod
    async def load_evidence(self, workflow_id: UUID) -> Evidence:
        """Return all that was signed of a run, and all that must agree with it, read in one transaction.

        Raises ``UnknownRun``.
        """
