"""Contract tests of checkpoints: recordings outlive the attempt, charges the run; no writes without a lease."""

# ruff: noqa: D102, S101, PLR2004 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from decimal import Decimal
from uuid import UUID, uuid4

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.abc import Store
from paigeant.model.calls.packed import pack
from paigeant.model.hops import Grant, LeaseToken
from paigeant.model.outcomes import Retrying
from paigeant.model.plan import Undo
from paigeant.model.runs import Direction, RunStatus
from paigeant.model.spending.charges import Charge
from paigeant.model.stored.checkpoints import Checkpoint, Recorded, Recording, StepEpoch
from paigeant.model.values.json_text import to_json
from paigeant.testing.builders import FAULT, completed, decided, failed
from paigeant.testing.stores.backend import Connect, StoreBackend

REFUSED = Recorded(alive=False)


def saying(grant: Grant, key: str, value: JsonValue, fingerprint: str | None = None) -> Recording:
    """Return a recording of a checkpoint under this lease."""
    return Recording(grant.held, Checkpoint(key, pack(to_json(value)), fingerprint))


def costing(grant: Grant, key: str, cost: str | None = "0.01") -> Recording:
    """Return a recording of a charge under this lease."""
    return Recording(grant.held, None, (charging(key, cost),))


def charging(key: str, cost: str | None = "0.01") -> Charge:
    """Return a charge."""
    money = None if cost is None else Decimal(cost)
    return Charge(key, "openai", "gpt-5-mini", 100, 20, 3, 4, money, "writer")


def both(grant: Grant, key: str, value: JsonValue, cost: str = "0.01") -> Recording:
    """Return a recording of a checkpoint and a charge."""
    return saying(grant, key, value)._replace(charges=(charging(key, cost),))


async def record(store: Store, *recordings: Recording) -> list[Recorded]:
    """Record them together."""
    return await store.record_checkpoints(recordings)


def untimed(answer: Recorded) -> Recorded:
    """Return an answer without what the store adds to a recording: its time, and the fence of its lease."""
    there = answer.checkpoint
    return answer if there is None else answer._replace(checkpoint=there._replace(at=None, fence=0))


class CheckpointGuarantees(StoreBackend):
    """Guarantees of ``record_checkpoints``, ``load_checkpoints``, ``start_afresh`` and ``read_ledger``."""

    async def step(self, store: Store, grant: Grant, direction: Direction = Direction.EXECUTE) -> StepEpoch:
        """Return the key of the step's checkpoints."""
        view = await store.get_run(grant.key.workflow_id)
        [key] = [step.idempotency_key for step in view.steps if step.position == grant.key.position]
        return StepEpoch(grant.key.workflow_id, UUID(key.split(":")[1]), direction, grant.epoch)

    async def recorded(self, store: Store, grant: Grant, direction: Direction = Direction.EXECUTE) -> dict[str, object]:
        """Return the values of the checkpoints of the step of this grant."""
        found = await store.load_checkpoints(await self.step(store, grant, direction))
        return {key: from_json(one.json) for key, one in found.items()}

    # -- checkpoints

    async def test_a_later_attempt_finds_what_an_earlier_one_recorded(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        await record(store, saying(first, "model.0", {"text": "é"}, "asked"))
        [second] = await self.take_over(store)

        await record(store, saying(second, "model.1", 2))

        assert await self.recorded(store, second) == {"model.0": {"text": "é"}, "model.1": 2}

    async def test_what_is_known_of_a_call_is_kept_with_it(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        checkpoint = Checkpoint("model.0", pack(b'{"a":1}'), "user-prompt:1f2e", "model", "2.68.0", 0.25, b"signed")

        await record(store, Recording(grant.held, checkpoint))

        found = await store.load_checkpoints(await self.step(store, grant))
        assert list(found) == ["model.0"]
        assert found["model.0"]._replace(at=None) == checkpoint._replace(fence=grant.held.fence)

    async def test_the_first_of_a_key_counts_and_a_repeat_gets_it_back(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        first, second = saying(grant, "model.0", "first", "asked"), saying(grant, "model.0", "second", "other")

        answers = [untimed(answer) for one in (first, second, first) for answer in await record(store, one)]

        assert answers == [Recorded(alive=True, checkpoint=first.checkpoint)] * 3
        assert await self.recorded(store, grant) == {"model.0": "first"}

    async def test_what_is_recorded_together_is_answered_one_by_one(self, store: Store) -> None:
        gone, grant = await self.begin(store, "draft"), await self.begin(store, "draft")
        await record(store, saying(grant, "a", "there"))
        await store.release([gone.held])
        asked = [saying(grant, "a", "mine"), saying(gone, "b", 1), saying(grant, "b", 2), saying(grant, "b", 3)]

        there, refused, written, twice = await record(store, *asked)

        assert from_json(there.checkpoint.json if there.checkpoint else b"0") == "there"
        assert refused == REFUSED
        assert untimed(written) == untimed(twice) == Recorded(alive=True, checkpoint=asked[2].checkpoint)
        assert await self.recorded(store, grant) == {"a": "there", "b": 2}

    async def test_many_are_recorded_together(self, store: Store) -> None:
        grants = [await self.begin(store, "draft") for _ in range(3)]

        await record(store, *[both(grant, f"model.{n}", n) for n in range(40) for grant in grants])

        for grant in grants:
            assert await self.recorded(store, grant) == {f"model.{n}": n for n in range(40)}
            assert len(await store.read_ledger(grant.key.workflow_id)) == 40

    async def test_nothing_may_be_recorded_at_all(self, store: Store) -> None:
        assert await record(store) == []

    async def test_a_large_result_comes_back_as_it_was(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        text = "é{" * 600_000

        await record(store, saying(grant, "tool.0", text))

        assert await self.recorded(store, grant) == {"tool.0": text}

    async def test_steps_and_runs_do_not_see_each_others(self, store: Store) -> None:
        grant, other = await self.begin(store, "draft", "review"), await self.begin(store, "draft")
        await record(store, saying(grant, "model.0", 1))
        await self.settle(store, completed(grant))
        [following] = await self.take(store)

        assert await self.recorded(store, following) == {}
        assert await self.recorded(store, other) == {}
        assert await store.load_checkpoints(StepEpoch(grant.key.workflow_id, uuid4(), Direction.EXECUTE)) == {}
        assert await store.load_checkpoints(StepEpoch(uuid4(), uuid4(), Direction.EXECUTE)) == {}

    async def test_undoing_a_step_has_checkpoints_of_its_own(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await record(store, saying(grant, "model.0", "there"))
        await self.settle(store, completed(grant, undo=Undo.COMPLETED))
        [second] = await self.take(store)
        await self.settle(store, failed(second))
        [back] = await self.take(store)

        await record(store, saying(back, "model.0", "back"))

        assert await self.recorded(store, back, Direction.COMPENSATE) == {"model.0": "back"}
        assert await self.recorded(store, grant) == {"model.0": "there"}

    # -- epochs

    async def test_a_step_that_is_started_afresh_finds_nothing_and_is_charged_again(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await record(store, both(grant, "model.0", "old"))
        await self.settle(store, failed(grant))

        await store.resume(grant.key.workflow_id, afresh=True)
        [again] = await self.take(store)
        assert (again.epoch, await self.recorded(store, again)) == (1, {})
        await record(store, both(again, "model.0", "new"))

        assert await self.recorded(store, again) == {"model.0": "new"}
        assert [entry.epoch for entry in await store.read_ledger(grant.key.workflow_id)] == [0, 1]

    async def test_a_step_that_is_resumed_finds_what_it_recorded(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await record(store, saying(grant, "model.0", 1))
        await self.settle(store, failed(grant))

        await store.resume(grant.key.workflow_id)
        [again] = await self.take(store)

        assert (again.epoch, await self.recorded(store, again)) == (0, {"model.0": 1})

    async def test_whoever_holds_a_step_may_start_it_afresh(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        await record(store, saying(first, "model.0", "old"))

        assert await store.start_afresh(first.held) == 1
        await record(store, saying(first, "model.0", "new"))
        [second] = await self.take_over(store)

        assert await store.start_afresh(first.held) is None
        assert (second.epoch, await self.recorded(store, second)) == (1, {"model.0": "new"})

    # -- the lease

    async def test_whoever_was_taken_over_records_nothing(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        await self.take_over(store)

        assert await record(store, both(first, "model.0", 1)) == [REFUSED]

        assert await self.recorded(store, first) == {}
        assert await store.read_ledger(first.key.workflow_id) == []

    async def test_of_two_leases_of_a_hop_that_record_together_the_later_counts(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        [second] = await self.take_over(store)

        stale, good = await record(store, saying(first, "model.0", "stale"), saying(second, "model.0", "good"))

        assert (stale.alive, good.alive) == (False, True)
        assert await self.recorded(store, second) == {"model.0": "good"}

    async def test_a_lease_that_ran_out_and_that_nobody_took_over_still_records(self, store: Store) -> None:
        grant = await self.begin(store, "draft", lease=self.lease)
        await self.let_leases_end()

        [answer] = await record(store, saying(grant, "model.0", 1))

        assert answer.alive

    async def test_a_fence_that_is_not_there_yet_records_nothing(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        ahead = LeaseToken(grant.key, grant.fence + 1)

        assert await record(store, saying(grant, "model.0", 1)._replace(held=ahead)) == [REFUSED]
        assert await store.start_afresh(ahead) is None

    async def test_whoever_has_given_up_its_lease_records_nothing(self, store: Store) -> None:
        released, retried, done = grants = [await self.begin(store, "draft") for _ in range(3)]
        await store.release([released.held])
        await self.settle(store, decided(retried, Retrying(FAULT, 60.0)))
        await self.settle(store, completed(done))

        assert await record(store, *[saying(grant, "m", 1) for grant in grants]) == [REFUSED] * 3

    async def test_nothing_is_recorded_for_a_run_that_was_terminated(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await store.terminate(grant.key.workflow_id)

        assert await record(store, saying(grant, "model.0", 1)) == [REFUSED]

    async def test_another_namespace_neither_records_nor_reads(self, store: Store, connect: Connect) -> None:
        grant = await self.begin(store, "draft")
        await record(store, both(grant, "model.0", 1))

        async with connect("elsewhere") as other:
            assert await record(other, saying(grant, "model.1", 1)) == [REFUSED]
            assert await other.start_afresh(grant.held) is None
            assert await other.read_ledger(grant.key.workflow_id) == []
            assert await other.load_checkpoints(await self.step(store, grant)) == {}

    # -- the ledger

    async def test_what_was_charged_is_read_as_it_was_written(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        recordings = [
            costing(grant, "a", "0.000000000001"),
            costing(grant, "b", "12.5"),
            costing(grant, "c", None),
            costing(grant, "d", "0"),
        ]

        answers = [answer for one in recordings for answer in await record(store, one)]
        entries = await store.read_ledger(grant.key.workflow_id)

        assert answers == [Recorded(alive=True)] * 4
        assert [entry.charge for entry in entries] == [charge for one in recordings for charge in one.charges]
        assert {(entry.step, entry.path, entry.position) for entry in entries} == {("draft", "", 1)}
        assert {entry.direction for entry in entries} == {Direction.EXECUTE}
        assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)

    async def test_a_request_is_charged_once(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        await record(store, both(first, "model.0", 1, "1"))
        [second] = await self.take_over(store)

        await record(store, both(second, "model.0", 1, "1"), costing(second, "model.0", "2"))

        assert [entry.charge for entry in await store.read_ledger(first.key.workflow_id)] == [charging("model.0", "1")]

    async def test_the_ledger_outlives_the_run(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await record(store, both(grant, "model.0", 1))
        await self.settle(store, completed(grant))

        assert await store.get_status(grant.key.workflow_id) is RunStatus.COMPLETED
        step = await self.step(store, grant)
        await self.let_leases_end()
        assert await store.prune(self.lease * 0) == 1
        assert len(await store.read_ledger(grant.key.workflow_id)) == 1
        assert await store.load_checkpoints(step) == {}
