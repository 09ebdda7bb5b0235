"""Contract tests of signing keys: stored once, found by id, and deleted once no run depends on them."""

# ruff: noqa: D102, PLR2004, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from datetime import datetime, timedelta

from paigeant.abc import Store
from paigeant.model.custody.keys import KeyKind, PublishedKey
from paigeant.testing.builders import completed
from paigeant.testing.stores.backend import Connect, StoreBackend

HOUR = timedelta(hours=1)


def voucher(kid: str, until: datetime | None = None) -> PublishedKey:
    """Return an imitation of a voucher."""
    return PublishedKey(kid, KeyKind.VOUCHER, f'{{"é":"{kid}"}}', "e30..AAAA", until)


class KeyGuarantees(StoreBackend):
    """Guarantees of :class:`paigeant.abc.SigningKeys`."""

    async def store_time(self, store: Store, kid: str = "now") -> datetime:
        """Return the store's time, read from a new key."""
        await store.record_keys([voucher(kid)])
        [stored] = await store.find_keys([kid])
        return stored.at

    async def test_a_key_is_given_back_as_it_was_written(self, store: Store) -> None:
        until = await self.store_time(store) + HOUR
        keys = [voucher("a", until), PublishedKey("b", KeyKind.DEVELOPMENT, '{"kty":"OKP"}')]
        await store.record_keys(keys)
        await store.record_keys([])

        assert [stored.key for stored in await store.find_keys(["b", "a", "unknown"])] == keys
        assert await store.find_keys([]) == []

    async def test_one_that_is_there_stays_as_it_is(self, store: Store) -> None:
        await store.record_keys([voucher("a")])
        [before] = await store.find_keys(["a"])
        await store.record_keys([voucher("a")._replace(text="other", jws=None), voucher("b")])

        assert await store.find_keys(["a"]) == [before]
        assert len(await store.find_keys(["a", "b"])) == 2

    async def test_many_are_found_together(self, store: Store) -> None:
        kids = [f"key-{number:04}" for number in range(1_001)]
        await store.record_keys([voucher(kid) for kid in kids])

        assert [stored.key.kid for stored in await store.find_keys(kids)] == kids
        assert len(await store.list_keys()) == 1_000
        assert len(await store.list_keys(limit=3)) == 3

    async def test_the_newest_is_listed_first(self, store: Store) -> None:
        for kid in ("b", "a"):
            await store.record_keys([voucher(kid)])

        found = await store.list_keys()
        assert [stored.at for stored in found] == sorted((stored.at for stored in found), reverse=True)
        assert {stored.key.kid for stored in found} == {"a", "b"}

    async def test_a_key_is_known_in_its_namespace_only(self, connect: Connect) -> None:
        async with connect("here") as here, connect("there") as there:
            await here.record_keys([voucher("a")])

            assert await there.find_keys(["a"]) == []
            assert await there.list_keys() == []

    async def test_it_is_kept_as_long_as_a_run_may_rest_on_it(self, store: Store) -> None:
        now = await self.store_time(store)
        await store.record_keys([voucher("past", now - HOUR), voucher("good", now + HOUR)])
        await self.begin(store, "draft")
        await store.record_keys([voucher("during", await self.store_time(store, "then"))])

        assert await store.prune(timedelta()) == 0

        found = {stored.key.kid for stored in await store.list_keys()}
        assert found == {"now", "good", "then", "during"}

    async def test_it_goes_once_it_is_as_old_as_the_runs_that_go(self, store: Store) -> None:
        now = await self.store_time(store)
        await store.record_keys([voucher("past", now), voucher("long past", now - 3 * HOUR)])
        grant = await self.begin(store, "draft")
        await self.settle(store, completed(grant))

        assert await store.prune(2 * HOUR) == 0
        first = {stored.key.kid for stored in await store.list_keys()}
        assert await store.prune(timedelta()) == 1
        assert await store.prune(timedelta()) == 0
        last = {stored.key.kid for stored in await store.list_keys()}

        assert (first, last) == ({"now", "past"}, {"now"})
