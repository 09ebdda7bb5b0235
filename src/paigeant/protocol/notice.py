"""Notices: how a hop stands that a message announced and that could not be leased."""

from __future__ import annotations

import hashlib
from datetime import datetime

from paigeant.model.limits import SUSPECT_PAUSE
from paigeant.model.stored.claims import NoticeStatus
from paigeant.protocol import leases
from paigeant.protocol.states import RecordedHop


def is_recorded(hop: RecordedHop, digest: bytes) -> bool:
    """Tell whether the bytes with this digest are those that the store recorded for the hop."""
    return hop.digest == digest


def is_announced(hop: RecordedHop, digest: bytes) -> bool:
    """Tell whether a message with this digest announces the hop.

    So does one of the row's very bytes, though the row has another digest: somebody edited one of them. It is leased
    to be found out and held; refused, it would be announced for ever.
    """
    return is_recorded(hop, digest) or hashlib.sha256(hop.body or b"").digest() == digest


def find_status(hop: RecordedHop | None, digest: bytes, now: datetime, *, run_known: bool) -> NoticeStatus:
    """Return how an announced hop stands; ``hop`` is its row, if there is one.

    Branches of one run commit and are leased at the same time, and a claim passes over what another transaction holds.
    A message that was passed over must not count as spent: its next announcement may be minutes away.
    """
    if hop is None:
        return NoticeStatus.AHEAD if run_known else NoticeStatus.UNKNOWN_RUN
    if not is_recorded(hop, digest):
        return NoticeStatus.ALTERED
    if not leases.is_open(hop):
        return NoticeStatus.PASSED
    # A suspect that was withheld, and not passed over, has had its announcement put off to the next moment.
    withheld = leases.is_suspect(hop) and hop.hint_at <= now + SUSPECT_PAUSE
    return NoticeStatus.DUE if leases.is_due(hop, now) and not withheld else NoticeStatus.PENDING
