"""Triage of deliveries that could not be leased: done already, to be leased later, or a dead letter."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple, Self

from paigeant.abc import Delivery
from paigeant.engine.custody.keys import meet_signers
from paigeant.engine.intake.acknowledger import Acknowledger
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected, Unavailable
from paigeant.model.events import SetAside
from paigeant.model.message import HopKey
from paigeant.model.stored.claims import NoticeStatus
from paigeant.model.stored.dead_letters import KEPT_BYTES, Flaw, RejectedMessage

_FLAWS: Final = {
    NoticeStatus.ALTERED: (
        Flaw.ALTERED,
        "the store has recorded {key} with other bytes: these were altered, or forged",
    ),
    NoticeStatus.AHEAD: (
        Flaw.AHEAD,
        "the store knows the run of {key}, not this position: it was set back to a backup, or the message is forged",
    ),
    NoticeStatus.UNKNOWN_RUN: (
        Flaw.UNKNOWN_RUN,
        "the store knows no run of {key} in this namespace: it was deleted, set back to a backup, or never there",
    ),
}


class ReceivedMessage(NamedTuple):
    """A delivery, the hop that its id names, and the digest of its bytes."""

    delivery: Delivery
    key: HopKey | None
    digest: bytes

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Return a delivery with the hop in its id. The digest is proof: the bytes are the store's, or they are not."""
        return cls(delivery, HopKey.of(delivery.message_id), hashlib.sha256(delivery.body).digest())

    def flawed(self, flaw: Flaw, detail: str) -> RejectedMessage:
        """Return its stored form as a rejected message."""
        delivery = self.delivery
        return RejectedMessage.of(delivery.topic, delivery.message_id, delivery.body, flaw, detail)


class Sorted(NamedTuple):
    """Messages still to be leased: now, by the hop that their bytes name, or later, if they were ``passed_over``."""

    renamed: list[ReceivedMessage]
    passed_over: list[ReceivedMessage]


class UndeliverableTriage:
    """Separates messages of done hops from invalid ones, and stores the latter as dead letters."""

    def __init__(self, runtime: Runtime, settling: Acknowledger) -> None:
        """Keep dead letters in the store of ``runtime``."""
        self._runtime = runtime
        self._settling = settling

    async def sort(self, parcels: Sequence[ReceivedMessage]) -> Sorted:
        """Settle messages of done hops and stored dead letters; returns the messages still to be leased.

        Raises Unavailable while the store is unavailable: nothing is settled that the store has not recorded.
        """
        placed = [parcel for parcel in parcels if parcel.key is not None]
        notices = [(parcel.key, parcel.digest) for parcel in placed if parcel.key is not None]
        answers = await self._runtime.store.find_notice_status(notices) if notices else []
        standings = dict(zip(placed, answers, strict=True))
        again = Sorted([], [])
        rejected_messages: list[tuple[ReceivedMessage, RejectedMessage]] = []
        for parcel in parcels:
            standing = standings.get(parcel)
            if standing in {NoticeStatus.PENDING, NoticeStatus.PASSED}:
                self._settling.add(parcel.delivery.message_id)
                continue
            if standing is NoticeStatus.DUE:
                again.passed_over.append(parcel)
                continue
            sorted_out = await self._open(parcel, standing)
            if isinstance(sorted_out, ReceivedMessage):
                again.renamed.append(sorted_out)
            else:
                rejected_messages.append((parcel, sorted_out))
            await asyncio.sleep(0)  # parsing large ones takes time: let running steps proceed
        await self._keep(rejected_messages)
        return again

    async def _open(self, parcel: ReceivedMessage, standing: NoticeStatus | None) -> ReceivedMessage | RejectedMessage:
        """Parse the bytes: return the reason to reject them, or the message with the hop that they name."""
        try:
            message, record = self._runtime.codec.open(parcel.delivery.body)
        except MessageRejected as error:
            too_large = len(parcel.delivery.body) > KEPT_BYTES
            return parcel.flawed(Flaw.TOO_LARGE if too_large else Flaw.UNREADABLE, str(error))
        key = message.key
        if key != parcel.key or standing is None:
            return parcel._replace(key=key)
        flaw, text = _FLAWS[standing]
        text = text.format(key=key.message_id)
        await meet_signers(self._runtime, () if record is None else (record.jws,))
        flaw, why = self._runtime.codec.find_flaw(parcel.delivery.body) or (flaw, None)  # it has not been verified yet
        return parcel.flawed(flaw, text if why is None else f"{why}; {text}")

    async def _keep(self, rejected_messages: Sequence[tuple[ReceivedMessage, RejectedMessage]]) -> None:
        """Store dead letters; those that do not fit go to the broker's dead-letter queue."""
        if not rejected_messages:
            return
        try:
            kept = await self._runtime.store.record_dead_letters([rejected for _, rejected in rejected_messages])
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  (one that no column takes must not keep the others from theirs)
            if len(rejected_messages) > 1:
                for one in rejected_messages:
                    await self._keep([one])
                return
            self._runtime.trouble("keeping a dead letter; the broker keeps it instead", error)
            kept = [False]
        for (parcel, rejected), is_kept in zip(rejected_messages, kept, strict=True):
            whole = is_kept and rejected.whole
            self._settling.add(parcel.delivery.message_id, None if whole else f"{rejected.reason}: {rejected.detail}")
            self._runtime.report(SetAside(self._runtime.owner, rejected))
