"""Letters: verification of the signature of a message that the store has not recorded.

Its run is unknown here, or another message is recorded in its place, so that there is no chain: it is judged by the
data that travels with it.
"""

from __future__ import annotations

from datetime import datetime

from paigeant.errors import RevokedKey, TamperedMessage, UnknownKey
from paigeant.model.custody.records import SignedRecord
from paigeant.model.message import HopKey
from paigeant.model.stored.dead_letters import Flaw
from paigeant.model.values.digests import digest_of
from paigeant.security.custody.purposes import Keys, Purpose
from paigeant.security.custody.records import CLOCKS, RecordText, place_of, read_stored, read_time, right_to_sign


class Letters:
    """Verifies single messages with the keys of one process."""

    def __init__(self, keys: Keys, audience: str) -> None:
        """Trust ``keys``; a message for another audience is foreign."""
        self._keys = keys
        self._audience = audience

    def find_flaw(
        self, key: HopKey, body: bytes, record: SignedRecord | None, now: datetime
    ) -> tuple[Flaw, str] | None:
        """Return the kind and the text of a fault in the signature of a message with this body; None without one."""
        if record is None:
            return Flaw.UNSIGNED, "it is not signed, and signing is on here"
        try:
            text = read_stored(record)
            signer = self._keys.verify(Purpose.RECORD, record.text, record.jws, now)
            right, until = right_to_sign(text), text.fields.get("exp")
            until = now if until is None else read_time(until)
        except (UnknownKey, RevokedKey) as error:
            return Flaw.UNKNOWN_KEY, str(error)
        except TamperedMessage as error:
            return Flaw.FORGED, str(error)
        if text.place[0] != str(key.workflow_id) or not text.announces(key.path, key.position, digest_of(body)):
            return Flaw.FORGED, f"it is not what {signer.iss} signed at {place_of(text)}"
        if right is not None and not signer.may(right):
            return Flaw.FORGED, f"{signer.iss} has signed it, who may not {right}"
        return self._misdirected(text) or _expired(text, until, now)

    def _misdirected(self, text: RecordText) -> tuple[Flaw, str] | None:
        audience = text.fields.get("aud", self._audience)
        if audience == self._audience:
            return None
        return Flaw.FOREIGN, f"it is for {audience!r}, not for {self._audience!r}"


def _expired(text: RecordText, until: datetime, now: datetime) -> tuple[Flaw, str] | None:
    if now <= until + CLOCKS:
        return None
    return Flaw.EXPIRED, f"its {place_of(text)} is signed until {until.isoformat()}"
