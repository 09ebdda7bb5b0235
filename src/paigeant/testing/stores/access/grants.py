"""Contract tests of grants: read under a lease only, renewed while the run is open, deleted at its end."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest

from paigeant.abc import Store
from paigeant.errors import UnknownRun, WrongState
from paigeant.model.hops import Grant, LeaseToken
from paigeant.model.outcomes import Parked
from paigeant.model.people.deeds import Deed, DeedTerms, DeedVerb
from paigeant.model.runs import RunStatus
from paigeant.model.secrecy.grants import GrantAnswer, SealedGrant
from paigeant.testing.builders import OTHER, WORKER, completed, decided, failed, new_run
from paigeant.testing.stores.backend import Connect, StoreBackend
from paigeant.testing.waiting import eventually

SEALED = SealedGrant("grant:" + "a" * 43, b'{"sealed":"once"}', datetime(2030, 1, 1, tzinfo=UTC))
AGAIN = SEALED._replace(sealed=b'{"sealed":"again"}')
WAITS = "reauthentication: it has run out"


class GrantGuarantees(StoreBackend):
    """Guarantees of the contract ``Grants``."""

    async def granted(self, store: Store, *steps: str, lease: timedelta | None = None) -> Grant:
        """Start a run with an identity, and lease its first step."""
        return await self.begin_run(store, new_run(*steps, grant=SEALED), lease)

    async def test_a_grant_is_read_by_whoever_holds_the_lease_and_by_nobody_else(
        self, store: Store, connect: Connect
    ) -> None:
        grant = await self.granted(store, "draft")
        key, fence = grant.held

        assert await store.load_grant(grant.held, WORKER) == GrantAnswer(alive=True, sealed=SEALED.sealed)
        async with connect("elsewhere") as elsewhere:
            for who, held, owner in (
                (store, grant.held, OTHER),
                (store, LeaseToken(key, fence + 1), WORKER),
                (store, LeaseToken(key, fence - 1), WORKER),
                (store, LeaseToken(key._replace(position=2), fence), WORKER),
                (store, LeaseToken(key._replace(workflow_id=uuid4()), fence), WORKER),
                (elsewhere, grant.held, WORKER),
            ):
                assert await who.load_grant(held, owner) == GrantAnswer(alive=False)

    async def test_a_lease_that_was_taken_over_reads_nothing(self, store: Store) -> None:
        before = await self.granted(store, "draft", lease=self.lease)
        await self.let_leases_end()
        [after] = await eventually(lambda: self.take(store, OTHER))

        assert await store.load_grant(before.held, WORKER) == GrantAnswer(alive=False)
        assert (await store.load_grant(after.held, OTHER)).sealed == SEALED.sealed

    async def test_a_run_without_an_identity_has_none(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        assert await store.load_grant(grant.held, WORKER) == GrantAnswer(alive=True)

    async def test_a_grant_is_there_for_each_step_and_gone_with_the_end_of_its_run(self, store: Store) -> None:
        grant = await self.granted(store, "draft", "review")
        await self.settle(store, completed(grant))
        [second] = await self.take(store)
        assert (await store.load_grant(second.held, WORKER)).sealed == SEALED.sealed

        await self.settle(store, failed(second))
        await store.resume(grant.key.workflow_id)
        [again] = await self.take(store)

        assert await store.load_grant(again.held, WORKER) == GrantAnswer(alive=True)

    async def test_a_run_that_is_terminated_loses_it_at_once(self, store: Store) -> None:
        grant = await self.granted(store, "draft")

        await store.terminate(grant.key.workflow_id)

        assert await store.load_grant(grant.held, WORKER) == GrantAnswer(alive=False)
        with pytest.raises(WrongState):
            await store.renew_grant(grant.key.workflow_id, AGAIN)

    async def test_a_renewed_grant_makes_what_waits_for_it_due(self, store: Store) -> None:
        grant = await self.granted(store, "draft")
        run = grant.key.workflow_id
        await self.settle(store, decided(grant, Parked(WAITS)))
        assert await self.take(store) == []
        terms = DeedTerms(DeedVerb.IDENTITY_RENEW, run, "ann", "cli", {"until": "then"})

        assert await store.renew_grant(run, AGAIN, deed=Deed.of(terms)) == 1

        [again] = await self.take(store)
        assert again.attempt == 1
        assert (await store.load_grant(again.held, WORKER)).sealed == AGAIN.sealed
        assert [each.deed.verb for each in await store.load_deeds(run)] == ["identity-renew"]

    async def test_what_waits_for_something_else_is_left_alone(self, store: Store) -> None:
        grant = await self.granted(store, "draft")
        await self.settle(store, decided(grant, Parked("until Monday")))

        assert await store.renew_grant(grant.key.workflow_id, AGAIN) == 0
        assert await self.take(store) == []

    async def test_a_step_that_is_about_to_wait_does_not_miss_a_grant_that_has_come_meanwhile(
        self, store: Store
    ) -> None:
        grant = await self.granted(store, "draft")

        assert await store.renew_grant(grant.key.workflow_id, AGAIN) == 0
        await self.settle(store, replace(decided(grant, Parked(WAITS)), has_grant=True))

        [again] = await self.take(store)
        assert (await store.load_grant(again.held, WORKER)).sealed == AGAIN.sealed

    async def test_a_grant_from_before_the_step_began_does_not_let_it_go_round_in_circles(self, store: Store) -> None:
        first = await self.granted(store, "draft")
        await store.renew_grant(first.key.workflow_id, AGAIN)
        await store.release([first.held])
        [grant] = await self.take(store)

        await self.settle(store, replace(decided(grant, Parked(WAITS)), has_grant=True))

        assert await self.take(store) == []
        assert await store.get_status(grant.key.workflow_id) is RunStatus.WAITING

    async def test_a_grant_that_is_renewed_by_several_at_once_is_one_of_theirs(self, store: Store) -> None:
        grant = await self.granted(store, "draft")
        several = [AGAIN._replace(sealed=b'{"sealed":%d}' % number) for number in range(8)]

        await asyncio.gather(*(store.renew_grant(grant.key.workflow_id, each) for each in several))

        assert (await store.load_grant(grant.held, WORKER)).sealed in {each.sealed for each in several}

    async def test_no_run_no_grant(self, store: Store) -> None:
        with pytest.raises(UnknownRun):
            await store.renew_grant(uuid4(), AGAIN)
