"""Contract tests of progress: details of heartbeats reach the next attempt, and need a lease."""

# ruff: noqa: D102, PLR2004, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import hashlib
from dataclasses import replace

from paigeant.abc import Store
from paigeant.model.hops import LeaseToken
from paigeant.model.outcomes import Parked, Retrying
from paigeant.model.runs import StepStatus
from paigeant.model.stored.claims import Announced, Due
from paigeant.testing.builders import FAULT, OTHER, WORKER, completed, decided, failed
from paigeant.testing.stores.backend import TOPICS, StoreBackend


class ProgressGuarantees(StoreBackend):
    """Guarantees for details of heartbeats."""

    async def test_a_first_attempt_finds_no_detail(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        assert grant.detail is None
        [step] = (await store.get_run(grant.key.workflow_id)).steps
        assert (step.heartbeat_detail, step.heartbeat_at) == (None, None)

    async def test_whoever_takes_a_step_over_finds_the_latest_detail(self, store: Store) -> None:
        grant = await self.begin(store, "draft", lease=self.lease)
        for detail in (b'{"page":1}', b'{"page":2}'):
            await store.beat([grant.held], self.lease, {grant.held: detail})

        [again] = await self.take_over(store)

        assert (again.interrupted, again.detail) == (True, b'{"page":2}')

    async def test_a_beat_without_a_detail_leaves_the_last_one(self, store: Store) -> None:
        grant = await self.begin(store, "draft", lease=self.lease)
        await store.beat([grant.held], self.lease, {grant.held: b"7"})
        await store.beat([grant.held], self.lease)

        [again] = await self.take_over(store)

        assert again.detail == b"7"

    async def test_a_detail_is_seen_while_the_step_runs(self, store: Store) -> None:
        grant, other = await self.begin(store, "draft"), await self.begin(store, "draft")
        await store.beat([grant.held, other.held], self.long, {grant.held: '"é\\u0000"'.encode()})

        [step] = (await store.get_run(grant.key.workflow_id)).steps
        assert (step.status, step.heartbeat_detail) == (StepStatus.RUNNING, "é\0")
        assert step.heartbeat_at is not None
        [step] = (await store.get_run(other.key.workflow_id)).steps
        assert step.heartbeat_detail is None

    async def test_a_lost_lease_has_nothing_to_say(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        [second] = await self.take_over(store)
        await store.beat([second.held], self.long, {second.held: b"2"})

        [pulse] = await store.beat([first.held], self.long, {first.held: b"1"})

        assert not pulse.alive
        [step] = (await store.get_run(first.key.workflow_id)).steps
        assert step.heartbeat_detail == 2

    async def test_a_fence_that_is_not_the_leases_has_nothing_to_say(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        forged = LeaseToken(grant.key, grant.fence + 1)

        await store.beat([grant.held, forged], self.long, {forged: b"1"})

        [step] = (await store.get_run(grant.key.workflow_id)).steps
        assert step.heartbeat_detail is None

    async def test_a_failed_attempt_leaves_its_detail_to_the_next(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await store.beat([grant.held], self.long, {grant.held: b"1"})
        commit = replace(decided(grant, Retrying(FAULT, 0.0)), detail=b"2")

        await self.settle(store, commit)
        await self.settle(store, commit)

        [again] = await self.take(store)
        assert (again.attempt, again.detail) == (2, b"2")

    async def test_a_refused_commit_leaves_no_detail(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        await self.take_over(store)

        await self.settle(store, replace(decided(first, Retrying(FAULT, 0.0)), detail=b"1"))

        [step] = (await store.get_run(first.key.workflow_id)).steps
        assert step.heartbeat_detail is None

    async def test_a_step_that_is_released_parked_or_resumed_keeps_its_detail(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await store.beat([grant.held], self.long, {grant.held: b"1"})
        await store.release([grant.held])
        [released] = await self.take(store)
        await self.settle(store, decided(released, Parked("ask Ann")))
        await store.resume(grant.key.workflow_id)
        [parked] = await self.take(store)
        await self.settle(store, failed(parked))
        await store.resume(grant.key.workflow_id)
        [resumed] = await store.claim(OTHER, Due(TOPICS), 10, self.long)

        assert [released.detail, parked.detail, resumed.detail] == [b"1"] * 3

    async def test_an_announced_step_brings_its_detail_too(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, replace(decided(grant, Retrying(FAULT, 0.0)), detail=b"1"))

        announced = Announced([(grant.key, hashlib.sha256(grant.body).digest())])
        [again] = await store.claim(WORKER, announced, 10, self.long)

        assert again.detail == b"1"

    async def test_the_next_step_begins_with_nothing(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await store.beat([grant.held], self.long, {grant.held: b"1"})
        await self.settle(store, completed(grant))

        [following] = await self.take(store)

        assert following.detail is None
