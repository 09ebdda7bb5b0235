"""Signals to a run that waits, or is going to wait, for them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from paigeant.model.people.deeds import Deed
from paigeant.model.values.values import Blob, Value


@dataclass(frozen=True, slots=True)
class SentSignal:
    """A signal to a run; of several with the same ``signal_id`` a run counts the first.

    The ``blob`` is the text that a large ``payload`` refers to. The ``deed`` records the sender, and is stored if the
    signal is accepted.
    """

    workflow_id: UUID
    name: str
    signal_id: str
    payload: Value
    blob: Blob | None = None
    deed: Deed | None = None


class Receipt(StrEnum):
    """Results of sending a signal."""

    MET = "met"
    """It ended a wait of its run."""
    KEPT = "kept"
    """Nothing waits for it yet: it will end the next wait of this name at once."""
    REPEATED = "repeated"
    """The run has a signal with this ``signal_id`` already: it counts once."""
    UNKNOWN_RUN = "unknown_run"
    """No run has this id. Nothing was written."""
    ENDED = "ended"
    """The run is final. Nothing was written."""
    FULL = "full"
    """The run keeps 1,000 signals that nothing has waited for. Nothing was written."""

    @property
    def refused(self) -> bool:
        """True if the signal was not accepted."""
        return self in {Receipt.UNKNOWN_RUN, Receipt.ENDED, Receipt.FULL}
