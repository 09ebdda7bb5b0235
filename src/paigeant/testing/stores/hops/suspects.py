"""Contract tests of suspects: a step that may kill its workers runs alone, so that no other is set aside with it."""

# ruff: noqa: D102, PLR2004, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from time import monotonic

from paigeant.abc import Store
from paigeant.model.hops import Grant, RunStart, Sealed
from paigeant.model.outcomes import Retrying
from paigeant.model.stored.claims import Announced, Due
from paigeant.testing.builders import FAULT, OTHER, completed, decided, new_run, notice
from paigeant.testing.stores.backend import StoreBackend
from paigeant.testing.waiting import eventually


class SuspectGuarantees(StoreBackend):
    """Guarantees of ``claim`` and ``wait_until_due`` for twins whose leases expired repeatedly."""

    async def interrupt(self, store: Store, count: int, times: int) -> list[RunStart]:
        """Start this many runs, and let each of their leases expire this many times; returns the runs."""
        starts = [new_run("draft") for _ in range(count)]
        await store.record_workflow_start(starts)
        for _ in range(times):
            assert len(await eventually(lambda: store.claim("dead", Due(["draft"]), count, self.lease))) == count
            await self.let_leases_end()
        return starts

    async def test_what_was_interrupted_once_is_leased_together(self, store: Store) -> None:
        await self.interrupt(store, 3, times=1)

        grants = await eventually(lambda: self.take(store))

        assert [(grant.attempt, grant.interrupted) for grant in grants] == [(2, True)] * 3

    async def test_what_was_interrupted_twice_is_leased_one_at_a_time(self, store: Store) -> None:
        await self.interrupt(store, 3, times=2)
        await store.record_workflow_start([new_run("draft")])

        async def suspects_and_others() -> list[Grant]:
            return await self.take(store, limit=10)

        first = await eventually(suspects_and_others)
        while not any(grant.interrupted for grant in first):
            first += await suspects_and_others()
        [suspect] = [grant for grant in first if grant.interrupted]
        assert suspect.attempt == 3
        assert len(first) <= 2
        assert [grant for grant in await suspects_and_others() if grant.interrupted] == []
        [elsewhere] = await eventually(lambda: self.take(store, OTHER))
        assert elsewhere.interrupted
        assert await self.take(store, OTHER) == []

        await self.settle(store, completed(suspect))

        [following] = await eventually(suspects_and_others)
        assert (following.attempt, following.interrupted) == (3, True)
        assert len({suspect.key, elsewhere.key, following.key}) == 3

    async def test_waiting_for_suspects_does_not_go_in_circles(self, store: Store) -> None:
        await self.interrupt(store, 2, times=2)
        assert len(await eventually(lambda: self.take(store))) == 1
        begun = monotonic()

        await store.wait_until_due(["draft"], 10.0)

        assert 0.3 < monotonic() - begun < 8.0

    async def test_a_step_that_has_ended_once_is_no_suspect_any_more(self, store: Store) -> None:
        await self.interrupt(store, 2, times=2)
        [suspect] = await eventually(lambda: self.take(store))

        await self.settle(store, decided(suspect, Retrying(FAULT, 0.0)))

        assert len(await eventually(lambda: self.take(store))) == 2  # it, and the other as the only suspect

    async def test_a_suspect_that_was_refused_is_announced_again_soon(self, store: Store) -> None:
        starts = await self.interrupt(store, 3, times=2)
        looks, begun = 0, monotonic()

        async def announced() -> list[Sealed]:
            nonlocal looks
            looks += 1
            await self.let_leases_end()
            return await store.take_announcements(10)

        what = Announced([notice(start) for start in starts])
        [granted] = await eventually(lambda: store.claim(OTHER, what, 10, self.long))

        waiting = {start.twin.sealed for start in starts if start.twin.key != granted.key}
        assert set(await eventually(announced, within=3.0)) == waiting
        assert looks < 8 or monotonic() - begun > 0.3  # in stores with a manual clock each poll advances it
