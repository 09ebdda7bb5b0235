"""Contract of the evidence reader: signed records of runs, as stored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from uuid import UUID

from paigeant.model.custody.evidence import Evidence
from paigeant.model.custody.notes import StoredNote
from paigeant.model.custody.records import StoredRecord


class EvidenceReader(ABC):
    """Reads the signed records of runs, to verify a hop or to audit a run."""

    @abstractmethod
    async def load_records(self, workflow_id: UUID) -> list[StoredRecord]:
        """Return the signed records of a run, as stored, by position, path and fence; an unknown run has none.

        Each record is written in the same transaction as its dispatch or commit, and never changed. They are not
        verified here: that is the task of a codec.
        """

    @abstractmethod
    async def load_notes(self, workflow_id: UUID, step_id: UUID) -> list[StoredNote]:
        """Return what a step has recorded, calls and charges, in both directions and all epochs, as it lies there.

        The digests in it are made of the rows, so that what is signed of each can be verified.
        """

    @abstractmethod
    async def load_evidence(self, workflow_id: UUID) -> Evidence:
        """Return all signed data of a run, and all data that must agree with it, read in one transaction.

        Raises ``UnknownRun``.
        """
