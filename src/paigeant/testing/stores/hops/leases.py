"""Contract tests of leases: exclusive, taken over after their end, and powerless once lost."""

# ruff: noqa: D102, PLR2004, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
import hashlib

from paigeant.abc import Store
from paigeant.model.hops import LeaseToken, Verdict
from paigeant.model.outcomes import Parked, Retrying
from paigeant.model.plan import Undo
from paigeant.model.runs import CancelRequest, StepStatus
from paigeant.model.stored.claims import Announced, Due, Overdue
from paigeant.testing.builders import FAULT, OTHER, WORKER, completed, decided, failed, new_run, notice
from paigeant.testing.stores.backend import TOPICS, StoreBackend


class LeaseGuarantees(StoreBackend):
    """Guarantees of ``claim``, ``beat`` and ``release``."""

    # -- the store intake

    async def test_a_second_picker_gets_nothing(self, store: Store) -> None:
        await self.begin(store, "draft")

        assert await self.take(store, OTHER) == []

    async def test_a_grant_tells_for_how_long_its_hop_had_been_due(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)

        [second] = await self.take_over(store)

        assert 0 < first.waited < 60
        assert 0 <= second.waited < 60

    async def test_pick_takes_only_its_topics(self, store: Store) -> None:
        await store.record_workflow_start([new_run("draft"), new_run("review")])

        grants = await store.claim(WORKER, Due(["review", "unheard"]), 10, self.long)

        assert [grant.topic for grant in grants] == ["review"]
        assert await store.claim(WORKER, Due([]), 10, self.long) == []

    async def test_pick_takes_no_more_than_its_limit_and_what_is_due_longest_first(self, store: Store) -> None:
        starts = [new_run("draft") for _ in range(3)]
        for start in starts:
            await store.record_workflow_start([start])

        first = await self.take(store, limit=2)
        rest = await self.take(store, limit=2)

        assert [grant.key for grant in first + rest] == [start.twin.key for start in starts]

    async def test_a_lease_that_ran_out_is_taken_over_as_a_further_attempt_that_was_interrupted(
        self, store: Store
    ) -> None:
        first = await self.begin(store, "draft", lease=self.lease)

        [second] = await self.take_over(store)

        assert second.key == first.key
        assert second.attempt == 2
        assert second.fence > first.fence
        assert second.interrupted

    async def test_a_lease_that_was_lost_commits_nothing(self, store: Store) -> None:
        zombie = await self.begin(store, "draft", lease=self.lease)
        [grant] = await self.take_over(store)

        assert await self.settle(store, completed(zombie)) == [Verdict.FENCED]
        assert await self.settle(store, completed(grant, owner=OTHER)) == [Verdict.OK]
        assert await self.settle(store, completed(zombie)) in ([Verdict.FENCED], [Verdict.CLOSED])

    async def test_a_lease_that_was_lost_cannot_be_given_back(self, store: Store) -> None:
        zombie = await self.begin(store, "draft", lease=self.lease)
        [grant] = await self.take_over(store)

        await store.release([zombie.held])

        assert await self.take(store) == []
        assert [pulse.alive for pulse in await store.beat([grant.held], self.long)] == [True]

    # -- the broker intake

    async def test_an_announced_twin_is_leased_once_however_often_it_is_announced(self, store: Store) -> None:
        start = new_run("draft")
        await store.record_workflow_start([start])

        [grant] = await store.claim(WORKER, Announced([notice(start), notice(start)]), 10, self.long)

        assert (grant.key, grant.body, grant.attempt) == (start.twin.key, start.twin.body, 1)
        assert await store.claim(OTHER, Announced([notice(start)]), 10, self.long) == []
        assert await self.take(store, OTHER) == []

    async def test_a_message_that_the_store_did_not_record_gets_no_lease(self, store: Store) -> None:
        start, unknown = new_run("draft"), new_run("draft")
        await store.record_workflow_start([start])
        forged = (start.twin.key, hashlib.sha256(b"forged").digest())

        assert await store.claim(WORKER, Announced([forged, notice(unknown)]), 10, self.long) == []
        assert len(await self.take(store)) == 1

    async def test_a_hop_that_has_passed_gets_no_lease(self, store: Store) -> None:
        start = new_run("draft", "review")
        grant = await self.begin_run(store, start)
        await self.settle(store, completed(grant))

        assert await store.claim(WORKER, Announced([notice(start)]), 10, self.long) == []

    async def test_a_hop_that_is_not_due_yet_gets_no_lease(self, store: Store) -> None:
        start = new_run("draft")
        grant = await self.begin_run(store, start)
        await self.settle(store, decided(grant, Retrying(FAULT, 3600.0)))

        assert await store.claim(WORKER, Announced([notice(start)]), 10, self.long) == []

    # -- beats

    async def test_a_beat_renews_the_lease_from_now_on(self, store: Store) -> None:
        grant = await self.begin(store, "draft", lease=self.lease)
        watch = await self.begin(store, "draft", lease=self.lease)

        [pulse] = await store.beat([grant.held], self.long)

        assert (pulse.held, pulse.alive, pulse.cancel) == (grant.held, True, None)
        assert [taken.key for taken in await self.take_over(store)] == [watch.key]

    async def test_a_beat_tells_of_the_wish_to_cancel(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await store.request_cancel(grant.key.workflow_id, CancelRequest.COMPENSATE)

        [pulse] = await store.beat([grant.held], self.long)

        assert (pulse.alive, pulse.cancel) == (True, CancelRequest.COMPENSATE)

    async def test_beats_are_answered_in_order_and_a_lost_lease_is_dead(self, store: Store) -> None:
        zombie = await self.begin(store, "draft", lease=self.lease)
        [taken] = await self.take_over(store)
        done = await self.begin(store, "draft")
        await self.settle(store, completed(done))
        ended = await self.begin(store, "draft")
        await store.terminate(ended.key.workflow_id)
        held = [zombie.held, taken.held, done.held, ended.held]

        pulses = await store.beat(held, self.long)

        assert [pulse.held for pulse in pulses] == held
        assert [pulse.alive for pulse in pulses] == [False, True, False, False]

    async def test_a_fence_that_nobody_was_given_is_worth_nothing(self, store: Store) -> None:
        start = new_run("draft")
        await store.record_workflow_start([start])
        forged = [LeaseToken(start.twin.key, fence) for fence in (0, 1, 2)]

        assert [pulse.alive for pulse in await store.beat(forged, self.long)] == [False, False, False]
        await store.release(forged)

        [grant] = await self.take(store)
        assert (grant.attempt, grant.interrupted) == (1, False)

    async def test_a_heart_beats_as_the_store_does(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        heart = store.heart()

        if heart is not None:
            held = [grant.held, LeaseToken(grant.key, grant.fence + 1)]
            try:  # in a thread, since it blocks
                pulses = await asyncio.to_thread(heart.beat, held, self.long)
            finally:
                await asyncio.to_thread(heart.close)
            assert [pulse.alive for pulse in pulses] == [True, False]

    # -- giving back

    async def test_a_released_step_is_due_at_once_and_its_attempt_is_not_counted(self, store: Store) -> None:
        first = await self.begin(store, "draft")

        await store.release([first.held])
        [second] = await self.take(store, OTHER)

        assert (second.attempt, second.interrupted) == (1, False)
        assert second.fence > first.fence
        assert await self.settle(store, completed(first)) == [Verdict.FENCED]

    async def test_a_release_does_not_forget_that_the_step_was_interrupted(self, store: Store) -> None:
        await self.begin(store, "draft", lease=self.lease)
        [second] = await self.take_over(store)

        await store.release([second.held])

        [third] = await self.take(store)
        assert (third.attempt, third.interrupted) == (2, True)

    async def test_a_repeated_release_changes_nothing(self, store: Store) -> None:
        first = await self.begin(store, "draft")
        await store.release([first.held])
        [second] = await self.take(store, OTHER)

        await store.release([first.held])

        assert [pulse.alive for pulse in await store.beat([second.held], self.long)] == [True]

    async def test_a_released_step_is_seen_as_pending(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        assert [step.status for step in (await store.get_run(grant.key.workflow_id)).steps] == [StepStatus.RUNNING]

        await store.release([grant.held])

        [step] = (await store.get_run(grant.key.workflow_id)).steps
        assert (step.status, step.attempt) == (StepStatus.PENDING, 0)

    # -- runs that are to end

    async def test_what_is_past_its_deadline_is_leased_to_be_closed_whatever_its_topic(self, store: Store) -> None:
        late, early = new_run("unserved", deadline=-1.0), new_run("draft", deadline=3600.0)
        await store.record_workflow_start([late, early])

        [grant] = await store.claim(WORKER, Overdue(), 10, self.long)

        assert grant.key == late.twin.key
        assert grant.remaining is not None
        assert grant.remaining < 0
        assert await store.claim(OTHER, Overdue(), 10, self.long) == []

    async def test_what_waits_is_leased_to_be_closed_once_its_run_is_wished_cancelled(self, store: Store) -> None:
        parked, retrying = await self.begin(store, "draft"), await self.begin(store, "draft")
        await self.settle(store, decided(parked, Parked("ask Ann")), decided(retrying, Retrying(FAULT, 3600.0)))
        for grant in (parked, retrying):
            await store.request_cancel(grant.key.workflow_id, CancelRequest.PLAIN)

        grants = await store.claim(WORKER, Overdue(), 10, self.long)

        assert {grant.key for grant in grants} == {parked.key, retrying.key}
        assert {grant.cancel for grant in grants} == {CancelRequest.PLAIN}

    async def test_a_parked_step_past_its_deadline_is_leased_to_be_closed(self, store: Store) -> None:
        grant = await self.begin_run(store, new_run("draft", deadline=-1.0))
        await self.settle(store, decided(grant, Parked("ask Ann")))

        [closing] = await store.claim(WORKER, Overdue(), 10, self.long)

        assert closing.key == grant.key

    async def test_what_somebody_runs_is_not_leased_to_be_closed(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await store.request_cancel(grant.key.workflow_id, CancelRequest.PLAIN)

        assert await store.claim(OTHER, Overdue(), 10, self.long) == []

    async def test_a_compensation_is_not_cut_short(self, store: Store) -> None:
        first = await self.begin_run(store, new_run("draft", "review", deadline=-1.0))
        await self.settle(store, completed(first, undo=Undo.COMPLETED))
        [second] = await self.take(store)
        await self.settle(store, failed(second))
        await store.request_cancel(first.key.workflow_id, CancelRequest.PLAIN)

        assert await store.claim(WORKER, Overdue(), 10, self.long) == []
        assert [grant.topic for grant in await store.claim(WORKER, Due(TOPICS), 10, self.long)] == ["draft"]
