"""Notices: status of an announced hop that could not be leased."""

from __future__ import annotations

import hashlib
from datetime import datetime

from paigeant.model.limits import SUSPECT_PAUSE
from paigeant.model.stored.claims import NoticeStatus
from paigeant.protocol import leases
from paigeant.protocol.states import RecordedHop


def is_recorded(hop: RecordedHop, digest: bytes) -> bool:
    """True if the bytes with this digest are those that the store recorded for the hop."""
    return hop.digest == digest


def is_announced(hop: RecordedHop, digest: bytes) -> bool:
    """True if a message with this digest announces the hop.

    The row's very bytes count too, even if the row has another digest because it was edited. The hop is then leased,
    detected as altered, and held; if it were refused, it would be announced for ever.
    """
    return is_recorded(hop, digest) or hashlib.sha256(hop.body or b"").digest() == digest


def find_status(hop: RecordedHop | None, digest: bytes, now: datetime, *, run_known: bool) -> NoticeStatus:
    """Return the status of an announced hop; ``hop`` is its row, if there is one.

    Branches of one run commit and are leased concurrently, and a claim skips rows that another transaction has locked.
    A message of a skipped hop must not count as done: its next announcement may be minutes away.
    """
    if hop is None:
        return NoticeStatus.AHEAD if run_known else NoticeStatus.UNKNOWN_RUN
    if not is_recorded(hop, digest):
        return NoticeStatus.ALTERED
    if not leases.is_open(hop):
        return NoticeStatus.PASSED
    # A suspect that was withheld, and not skipped, is announced again shortly.
    withheld = leases.is_suspect(hop) and hop.hint_at <= now + SUSPECT_PAUSE
    return NoticeStatus.DUE if leases.is_due(hop, now) and not withheld else NoticeStatus.PENDING
