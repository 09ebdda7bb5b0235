"""What becomes of a delivery that could not be leased: it has passed, or it is a dead letter."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final, NamedTuple, Self

from paigeant.abc import Delivery
from paigeant.engine.intake.acknowledger import Settling
from paigeant.engine.runtime import Parts
from paigeant.errors import MessageRejected, Unavailable
from paigeant.model.dead_letters import KEPT_BYTES, Flaw, Misfit
from paigeant.model.events import SetAside
from paigeant.model.hops import Standing
from paigeant.model.message import HopKey

_FLAWS: Final = {
    Standing.ALTERED: (Flaw.ALTERED, "the store has recorded {key} with other bytes: these were altered, or forged"),
    Standing.AHEAD: (
        Flaw.AHEAD,
        "the store knows the run of {key}, not this position: it was set back to a backup, or the message is forged",
    ),
    Standing.UNKNOWN_RUN: (
        Flaw.UNKNOWN_RUN,
        "the store knows no run of {key} in this namespace: it was deleted, set back to a backup, or never there",
    ),
}


class Parcel(NamedTuple):
    """A delivery, the hop that it seems to announce, and the digest of its bytes."""

    delivery: Delivery
    key: HopKey | None
    digest: bytes

    @classmethod
    def of(cls, delivery: Delivery) -> Self:
        """Return a delivery with what its id says. The digest proves it: bytes are the store's, or they are not."""
        return cls(delivery, HopKey.of(delivery.message_id), hashlib.sha256(delivery.body).digest())

    def flawed(self, flaw: Flaw, detail: str) -> Misfit:
        """Return what is kept of it."""
        delivery = self.delivery
        return Misfit.of(delivery.topic, delivery.message_id, delivery.body, flaw, detail)


class Sorter:
    """Tells what has passed from what is no message of a run here, and keeps the latter."""

    def __init__(self, parts: Parts, settling: Settling) -> None:
        """Keep dead letters in the store of ``parts``."""
        self._parts = parts
        self._settling = settling

    async def sort(self, parcels: Sequence[Parcel]) -> list[Parcel]:
        """Settle what has passed and what is kept; returns those to be leased by the hop that their bytes name.

        Raises Unavailable while the store is away: nothing is settled that it has not heard of.
        """
        placed = [parcel for parcel in parcels if parcel.key is not None]
        notices = [(parcel.key, parcel.digest) for parcel in placed if parcel.key is not None]
        answers = await self._parts.store.find_standing(notices) if notices else []
        standings = dict(zip(placed, answers, strict=True))
        again: list[Parcel] = []
        misfits: list[tuple[Parcel, Misfit]] = []
        for parcel in parcels:
            standing = standings.get(parcel)
            if standing in {Standing.PENDING, Standing.PASSED}:
                self._settling.add(parcel.delivery.message_id)
                continue
            sorted_out = self._open(parcel, standing)
            if isinstance(sorted_out, Parcel):
                again.append(sorted_out)
            else:
                misfits.append((parcel, sorted_out))
            await asyncio.sleep(0)  # large ones take a while to read, and steps are running
        await self._keep(misfits)
        return again

    def _open(self, parcel: Parcel, standing: Standing | None) -> Parcel | Misfit:
        """Read the bytes: they say what is wrong, or name another hop than the delivery's id did."""
        try:
            key = self._parts.codec.open(parcel.delivery.body).key
        except MessageRejected as error:
            too_large = len(parcel.delivery.body) > KEPT_BYTES
            return parcel.flawed(Flaw.TOO_LARGE if too_large else Flaw.UNREADABLE, str(error))
        if key != parcel.key or standing is None:
            return parcel._replace(key=key)
        flaw, text = _FLAWS[standing]
        return parcel.flawed(flaw, text.format(key=key.message_id))

    async def _keep(self, misfits: Sequence[tuple[Parcel, Misfit]]) -> None:
        """Keep messages in the store; what does not fit there goes to the broker's dead letters."""
        if not misfits:
            return
        try:
            kept = await self._parts.store.record_dead_letters([misfit for _, misfit in misfits])
        except Unavailable:
            raise
        except Exception as error:  # noqa: BLE001  (one that no column takes must not keep the others from theirs)
            if len(misfits) > 1:
                for one in misfits:
                    await self._keep([one])
                return
            self._parts.trouble("keeping a dead letter; the broker keeps it instead", error)
            kept = [False]
        for (parcel, misfit), is_kept in zip(misfits, kept, strict=True):
            whole = is_kept and misfit.whole
            self._settling.add(parcel.delivery.message_id, None if whole else f"{misfit.reason}: {misfit.detail}")
            self._parts.report(SetAside(self._parts.owner, misfit))
