"""Keys that have signed what is read, and are not configured: looked for in the store, which is not believed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from paigeant.engine.runtime import Runtime
from paigeant.model.custody.records import StoredRecord
from paigeant.model.hops import Leased
from paigeant.model.people.deeds import StoredDeed


async def meet_signers(runtime: Runtime, signatures: Iterable[bytes]) -> None:
    """Return once whoever made these is known here, as far as the store has them; raises Unavailable.

    Of known keys nothing is read; of others a statement has up to 1,000.
    """
    kids = runtime.codec.strangers(signatures)
    if kids:
        runtime.codec.introduce(stored.key for stored in await runtime.store.find_keys(kids))


def signatures_of(
    records: Sequence[StoredRecord], deeds: Sequence[StoredDeed] = (), leased: Leased | None = None
) -> Iterable[bytes]:
    """Yield what was signed of a run, and of the hop that is leased."""
    if leased is not None and leased.record is not None:
        yield leased.record.jws
    yield from (each.record.jws for each in records)
    yield from (each.deed.jws.encode() for each in deeds if each.deed.jws is not None)


async def load_records(runtime: Runtime, run: UUID) -> Sequence[StoredRecord]:
    """Return the records of a run, whose signers are known to the codec from now on; raises Unavailable."""
    records = await runtime.store.load_records(run)
    await meet_signers(runtime, signatures_of(records))
    return records
