"""Lookup of unknown signing keys in the store, which is not trusted: each key must prove itself."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from paigeant.engine.runtime import Runtime
from paigeant.model.custody.records import StoredRecord
from paigeant.model.hops import Leased
from paigeant.model.people.deeds import StoredDeed


async def meet_signers(runtime: Runtime, signatures: Iterable[bytes]) -> None:
    """Look up the unknown keys of these signatures in the store; raises Unavailable.

    Known keys need no query; one statement reads up to 1,000 unknown ones.
    """
    kids = runtime.codec.strangers(signatures)
    if kids:
        runtime.codec.introduce(stored.key for stored in await runtime.store.find_keys(kids))


def signatures_of(
    records: Sequence[StoredRecord], deeds: Sequence[StoredDeed] = (), leased: Leased | None = None
) -> Iterable[bytes]:
    """Yield the signatures in the records and deeds of a run, and in the leased hop."""
    if leased is not None and leased.record is not None:
        yield leased.record.jws
    yield from (each.record.jws for each in records)
    yield from (each.deed.jws.encode() for each in deeds if each.deed.jws is not None)


async def load_records(runtime: Runtime, run: UUID) -> Sequence[StoredRecord]:
    """Return the records of a run, with their keys made known to the codec; raises Unavailable."""
    records = await runtime.store.load_records(run)
    await meet_signers(runtime, signatures_of(records))
    return records
