"""Contract tests of grants: read under a lease only, renewed while the run is open, deleted at its end."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest

from paigeant.abc import Store
from paigeant.errors import UnknownRun, WrongState
from paigeant.model.entries.entry import FLOW
from paigeant.model.hops import Commit, Grant, LeaseToken, RunStart
from paigeant.model.outcomes import Parked
from paigeant.model.people.deeds import Deed, DeedTerms, DeedVerb
from paigeant.model.runs import RunStatus
from paigeant.model.secrecy.grants import GrantAnswer, SealedGrant
from paigeant.model.stored.claims import Due
from paigeant.testing.builders import OTHER, WORKER, completed, decided, failed, new_run
from paigeant.testing.stores.backend import Connect, StoreBackend
from paigeant.testing.stores.tree.children import BILLING, begun
from paigeant.testing.waiting import eventually

SEALED = SealedGrant("grant:" + "a" * 43, b'{"sealed":"once"}', datetime(2030, 1, 1, tzinfo=UTC))
AGAIN = SEALED._replace(sealed=b'{"sealed":"again"}')
WAITS = "reauthentication: it has run out"


def waiting(grant: Grant, granted: UUID) -> Commit:
    """Return the commit of a hop that waits for a grant of this run."""
    return replace(decided(grant, Parked(WAITS)), granted=granted)


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

        assert await store.load_grant(grant.held, WORKER, grant.key.workflow_id) == GrantAnswer(
            alive=True, sealed=SEALED.sealed
        )
        async with connect("elsewhere") as elsewhere:
            for who, held, owner in (
                (store, grant.held, OTHER),
                (store, LeaseToken(key, fence + 1), WORKER),
                (store, LeaseToken(key, fence - 1), WORKER),
                (store, LeaseToken(key._replace(position=2), fence), WORKER),
                (store, LeaseToken(key._replace(workflow_id=uuid4()), fence), WORKER),
                (elsewhere, grant.held, WORKER),
            ):
                assert await who.load_grant(held, owner, grant.key.workflow_id) == GrantAnswer(alive=False)

    async def test_a_lease_that_was_taken_over_reads_nothing(self, store: Store) -> None:
        before = await self.granted(store, "draft", lease=self.lease)
        await self.let_leases_end()
        [after] = await eventually(lambda: self.take(store, OTHER))

        assert await store.load_grant(before.held, WORKER, before.key.workflow_id) == GrantAnswer(alive=False)
        assert (await store.load_grant(after.held, OTHER, after.key.workflow_id)).sealed == SEALED.sealed

    async def test_a_run_without_an_identity_has_none(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        assert await store.load_grant(grant.held, WORKER, grant.key.workflow_id) == GrantAnswer(alive=True)

    async def test_a_grant_is_there_for_each_step_and_gone_with_the_end_of_its_run(self, store: Store) -> None:
        grant = await self.granted(store, "draft", "review")
        await self.settle(store, completed(grant))
        [second] = await self.take(store)
        assert (await store.load_grant(second.held, WORKER, second.key.workflow_id)).sealed == SEALED.sealed

        await self.settle(store, failed(second))
        await store.resume(grant.key.workflow_id)
        [again] = await self.take(store)

        assert await store.load_grant(again.held, WORKER, again.key.workflow_id) == GrantAnswer(alive=True)

    async def test_a_run_that_is_terminated_loses_it_at_once(self, store: Store) -> None:
        grant = await self.granted(store, "draft")

        await store.terminate(grant.key.workflow_id)

        assert await store.load_grant(grant.held, WORKER, grant.key.workflow_id) == GrantAnswer(alive=False)
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
        assert (await store.load_grant(again.held, WORKER, again.key.workflow_id)).sealed == AGAIN.sealed
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
        await self.settle(store, waiting(grant, grant.key.workflow_id))

        [again] = await self.take(store)
        assert (await store.load_grant(again.held, WORKER, again.key.workflow_id)).sealed == AGAIN.sealed

    async def test_a_grant_from_before_the_step_began_does_not_let_it_go_round_in_circles(self, store: Store) -> None:
        first = await self.granted(store, "draft")
        await store.renew_grant(first.key.workflow_id, AGAIN)
        await store.release([first.held])
        [grant] = await self.take(store)

        await self.settle(store, waiting(grant, grant.key.workflow_id))

        assert await self.take(store) == []
        assert await store.get_status(grant.key.workflow_id) is RunStatus.WAITING

    async def within(self, store: Store) -> tuple[UUID, Grant]:
        """Return a run with an identity, and the leased step of a run within it."""
        await store.record_workflow_start([new_run(BILLING, grant=SEALED)])
        [node] = await store.claim(WORKER, Due([FLOW]), 1, self.long)
        commit = begun(node)
        await self.settle(store, commit)
        assert isinstance(commit.child, RunStart)
        [step] = [each for each in await self.take(store) if each.key.workflow_id == commit.child.workflow_id]
        return node.key.workflow_id, step

    async def test_a_run_within_another_has_the_grant_of_that_for_as_long_as_its_own_lease_lives(
        self, store: Store
    ) -> None:
        run, step = await self.within(store)

        assert (await store.load_grant(step.held, WORKER, run)).sealed == SEALED.sealed
        assert await store.load_grant(step.held, WORKER, step.key.workflow_id) == GrantAnswer(alive=True)
        assert await store.load_grant(step.held, OTHER, run) == GrantAnswer(alive=False)

        await self.settle(store, completed(step))
        assert await store.load_grant(step.held, WORKER, run) == GrantAnswer(alive=False)

    async def test_a_renewed_grant_makes_due_what_waits_for_it_in_runs_within(self, store: Store) -> None:
        run, step = await self.within(store)
        await self.settle(store, waiting(step, run))
        assert await self.take(store) == []

        assert await store.renew_grant(run, AGAIN) == 1

        [again] = await self.take(store)
        assert (again.key, again.attempt) == (step.key, 1)
        assert (await store.load_grant(again.held, WORKER, run)).sealed == AGAIN.sealed

    async def test_a_step_of_a_run_within_does_not_miss_a_grant_that_has_come_meanwhile(self, store: Store) -> None:
        run, step = await self.within(store)

        assert await store.renew_grant(run, AGAIN) == 0
        await self.settle(store, waiting(step, run))

        [again] = await self.take(store)
        assert again.key == step.key

    async def test_a_renewal_and_a_step_that_begins_to_wait_for_it_do_not_miss_each_other(self, store: Store) -> None:
        for _ in range(10):
            run, step = await self.within(store)

            await asyncio.gather(self.settle(store, waiting(step, run)), store.renew_grant(run, AGAIN))

            [again] = await self.take(store)
            assert again.key == step.key
            await self.settle(store, completed(again))

    async def test_a_grant_that_is_renewed_by_several_at_once_is_one_of_theirs(self, store: Store) -> None:
        grant = await self.granted(store, "draft")
        several = [AGAIN._replace(sealed=b'{"sealed":%d}' % number) for number in range(8)]

        await asyncio.gather(*(store.renew_grant(grant.key.workflow_id, each) for each in several))

        assert (await store.load_grant(grant.held, WORKER, grant.key.workflow_id)).sealed in {
            each.sealed for each in several
        }

    async def test_no_run_no_grant(self, store: Store) -> None:
        with pytest.raises(UnknownRun):
            await store.renew_grant(uuid4(), AGAIN)
