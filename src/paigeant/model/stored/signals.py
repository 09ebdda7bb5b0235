"""Signals: what somebody tells a run that waits, or is going to wait, for it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from paigeant.model.people.deeds import Deed
from paigeant.model.values.values import Blob, Value


@dataclass(frozen=True, slots=True)
class SentSignal:
    """A signal on its way to a run; of those with the same ``signal_id`` a run counts the first.

    The ``blob`` is what a large ``payload`` refers to. The ``deed``, which says who sends it, is kept if it is taken.
    """

    workflow_id: UUID
    name: str
    signal_id: str
    payload: Value
    blob: Blob | None = None
    deed: Deed | None = None


class Receipt(StrEnum):
    """What became of a signal."""

    MET = "met"
    """A wait of its run was over with it."""
    KEPT = "kept"
    """Nothing waits for it yet: the next wait of this name is over at once."""
    REPEATED = "repeated"
    """The run had one with this ``signal_id`` already: it counts once."""
    UNKNOWN_RUN = "unknown_run"
    """No run has this id. Nothing was written."""
    ENDED = "ended"
    """The run is final. Nothing was written."""
    FULL = "full"
    """The run keeps 1,000 signals that nothing has waited for. Nothing was written."""

    @property
    def refused(self) -> bool:
        """Tell whether nothing will ever come of it."""
        return self in {Receipt.UNKNOWN_RUN, Receipt.ENDED, Receipt.FULL}
