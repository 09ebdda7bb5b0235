"""Contract tests of signals: each meets one wait, in order, whichever comes first, and none is lost."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from uuid import UUID, uuid4

from pydantic import JsonValue

from paigeant.abc import Store
from paigeant.model.hold import Signal
from paigeant.model.hops import Grant
from paigeant.model.limits import SIGNALS
from paigeant.model.outcomes import Parked
from paigeant.model.runs import RunStatus
from paigeant.model.stored.signals import Receipt, SentSignal
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import inline, shelve
from paigeant.testing.builders import completed, decided, new_run
from paigeant.testing.stores.backend import TOPICS, Connect, StoreBackend
from paigeant.testing.stores.hops.branches import LEFT, RIGHT, forked
from paigeant.testing.waiting import eventually

WAITS = Parked("ask Ann", signal="approved")
FOR_LONG = Parked("ask Ann", timedelta(hours=1), "approved")


def signal(run: UUID, payload: JsonValue = None, name: str = "approved", signal_id: str | None = None) -> SentSignal:
    """Return a signal."""
    value, blob = shelve(to_json(payload))
    return SentSignal(run, name, signal_id or uuid4().hex, value, blob)


class SignalGuarantees(StoreBackend):
    """Guarantees of ``send_signals``."""

    async def send(self, store: Store, *signals: SentSignal) -> list[Receipt]:
        """Send signals."""
        return await store.send_signals(signals)

    async def waiting(self, store: Store, outcome: Parked = WAITS) -> Grant:
        """Start a run whose first step waits for a signal; return its first lease."""
        grant = await self.begin(store, "draft", "review")
        await self.settle(store, decided(grant, outcome))
        return grant

    async def test_a_step_that_waits_is_due_when_its_signal_comes_and_sees_what_that_carries(
        self, store: Store
    ) -> None:
        for outcome in (WAITS, FOR_LONG):
            grant = await self.waiting(store, outcome)
            run = grant.key.workflow_id
            before = await store.get_run(run)
            assert (before.status, before.reason, before.steps[0].signal) == (
                RunStatus.WAITING,
                "ask Ann",
                "approved",
            )
            assert await self.take(store) == []

            assert await self.send(store, signal(run, {"by": "Ann"})) == [Receipt.MET]

            assert await store.load_variable(run, "approved") == inline({"by": "Ann"})
            assert (await store.get_run(run)).steps[0].signal is None
            [again] = await self.take(store)
            assert (again.key, again.attempt, again.interrupted) == (grant.key, 1, False)
            assert await self.settle(store, completed(again)) != []
            await store.terminate(run)

    async def test_a_signal_of_another_name_ends_no_wait(self, store: Store) -> None:
        grant = await self.waiting(store)

        assert await self.send(store, signal(grant.key.workflow_id, 1, "declined")) == [Receipt.KEPT]

        assert await self.take(store) == []
        assert await store.load_variables(grant.key.workflow_id) == {}

    async def test_a_signal_that_came_first_is_met_by_the_wait(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        run = grant.key.workflow_id

        assert await self.send(store, signal(run, "early")) == [Receipt.KEPT]
        assert await store.load_variables(run) == {}
        await self.settle(store, decided(grant, WAITS))

        [again] = await self.take(store)
        assert again.key == grant.key
        assert await store.load_variable(run, "approved") == inline("early")

    async def test_signals_meet_waits_one_to_one_and_in_the_order_in_which_they_came(self, store: Store) -> None:
        grant = await self.waiting(store)
        run = grant.key.workflow_id

        assert await self.send(store, signal(run, 1), signal(run, 2)) == [Receipt.MET, Receipt.KEPT]
        assert await self.send(store, signal(run, 3)) == [Receipt.KEPT]

        for expected in (1, 2, 3):
            assert await store.load_variable(run, "approved") == inline(expected)
            [again] = await self.take(store)
            await self.settle(store, decided(again, WAITS))
        assert await self.take(store) == []

    async def test_the_same_signal_counts_once(self, store: Store) -> None:
        run = (await self.waiting(store)).key.workflow_id
        once, twice = signal(run, 1, signal_id="mail"), signal(run, 2, signal_id="mail")

        assert await self.send(store, once, once) == [Receipt.MET, Receipt.REPEATED]
        assert await self.send(store, twice) == [Receipt.REPEATED]
        [again] = await self.take(store)
        await self.settle(store, decided(again, WAITS))

        assert await self.take(store) == []
        assert await store.load_variable(run, "approved") == inline(1)
        assert (await self.send(store, signal((await self.waiting(store)).key.workflow_id, 1, signal_id="mail"))) == [
            Receipt.MET  # the same id in another run is another signal
        ]

    async def test_a_wait_is_over_for_signals_once_its_time_was_up_and_its_step_was_leased(self, store: Store) -> None:
        grant = await self.waiting(store, Parked("ask Ann", timedelta(0), "approved"))
        run = grant.key.workflow_id
        [again] = await eventually(lambda: self.take(store))

        assert await self.send(store, signal(run, "late")) == [Receipt.KEPT]
        assert await store.load_variables(run) == {}

        await self.settle(store, decided(again, WAITS))
        assert await store.load_variable(run, "approved") == inline("late")

    async def test_a_wait_whose_time_is_up_still_meets_a_signal_until_its_step_is_leased(self, store: Store) -> None:
        grant = await self.waiting(store, Parked("ask Ann", timedelta(0), "approved"))
        run = grant.key.workflow_id

        assert await self.send(store, signal(run, "just in time")) == [Receipt.MET]

        assert await store.load_variable(run, "approved") == inline("just in time")
        assert len(await eventually(lambda: self.take(store))) == 1

    async def test_a_run_that_is_unknown_ended_or_full_takes_no_signal_and_keeps_no_other_from_its_own(
        self, store: Store, connect: Connect
    ) -> None:
        ended, full, fine = [(await self.waiting(store)).key.workflow_id for _ in range(3)]
        await store.terminate(ended)
        many = [signal(full, n, "word") for n in range(SIGNALS)]
        assert await self.send(store, *many) == [Receipt.KEPT] * SIGNALS

        receipts = await self.send(
            store, signal(uuid4()), signal(ended), signal(full, name="word"), signal(full), signal(fine)
        )

        assert receipts == [Receipt.UNKNOWN_RUN, Receipt.ENDED, Receipt.FULL, Receipt.MET, Receipt.MET]
        assert await self.send(store, many[0]) == [Receipt.REPEATED]
        async with connect("elsewhere") as other:
            assert await self.send(other, signal(fine)) == [Receipt.UNKNOWN_RUN]

    async def test_a_large_payload_is_there_when_the_step_runs_again(self, store: Store) -> None:
        run = (await self.waiting(store)).key.workflow_id
        json = to_json("x" * 9_000)

        await self.send(store, signal(run, "x" * 9_000))

        value, blob = shelve(json)
        assert blob is not None
        assert await store.load_variable(run, "approved") == value
        assert await store.load_values(run, [blob.sha256]) == {blob.sha256: json}

    async def test_branches_that_begin_with_a_wait_meet_signals_in_the_order_of_their_paths(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "print")
        run = grant.key.workflow_id
        await self.send(store, signal(run, "first"))
        commit = forked(grant, "review")
        held = [replace(twin, hold=Signal("approved")) if twin.key.path else twin for twin in commit.twins]

        await self.settle(store, replace(commit, twins=tuple(held)))
        assert await self.send(store, signal(run, "second")) == [Receipt.MET]

        assert await store.load_variables(run, ["approved"], path=LEFT) == {"approved": inline("first")}
        assert await store.load_variables(run, ["approved"], path=RIGHT) == {"approved": inline("second")}
        assert await store.load_variables(run, ["approved"]) == {}
        assert [again.key.path for again in await self.take(store)] == [LEFT, RIGHT]

    async def test_resuming_a_run_ends_its_wait(self, store: Store) -> None:
        run = (await self.waiting(store)).key.workflow_id

        await store.resume(run)

        assert await self.send(store, signal(run)) == [Receipt.KEPT]
        assert len(await self.take(store)) == 1

    async def test_a_signal_and_its_wait_that_come_at_the_same_moment_do_not_pass_each_other_by(
        self, store: Store, connect: Connect
    ) -> None:
        async with connect("default") as other:
            for _ in range(10):
                grant = await self.begin(store, "draft")
                run = grant.key.workflow_id
                await asyncio.gather(self.settle(store, decided(grant, WAITS)), self.send(other, signal(run, "now")))

                [again] = await self.take(store)
                assert again.key == grant.key
                assert await store.load_variable(run, "approved") == inline("now")

    async def test_who_waits_for_work_is_woken_by_a_signal(self, store: Store, connect: Connect) -> None:
        run = (await self.waiting(store)).key.workflow_id
        async with connect("default") as other, asyncio.timeout(5):
            waiting = asyncio.create_task(other.wait_until_due(TOPICS, 30))
            await asyncio.sleep(0)

            await self.send(store, signal(run))

            assert await waiting
            assert len(await self.take(other)) == 1

    async def test_signals_are_deleted_with_their_run(self, store: Store) -> None:
        start = new_run("draft")
        await store.record_workflow_start([start])
        await self.send(store, signal(start.workflow_id))
        await store.terminate(start.workflow_id)

        assert await eventually(lambda: store.prune(timedelta(0))) == 1
