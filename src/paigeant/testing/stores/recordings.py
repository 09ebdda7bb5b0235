"""What a step records outlives its attempt, as what is attested outlives the run; nobody writes without a lease."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from uuid import UUID, uuid4

import pytest
from pydantic import JsonValue

from paigeant.abc import Store
from paigeant.errors import UnknownRun
from paigeant.model.hops import Grant, LeaseToken, Verdict
from paigeant.model.outcomes import Retrying
from paigeant.model.plan import Undo
from paigeant.model.runs import Direction, RunStatus
from paigeant.model.stored.checkpoints import Charge, Checkpoint, Recorded, Recording
from paigeant.model.values.values import Ref, inline, shelve
from paigeant.testing.builders import FAULT, completed, decided, failed
from paigeant.testing.stores.backend import Connect, StoreBackend

REFUSED = Recorded(alive=False)


def saying(key: str, value: JsonValue, fingerprint: str | None = None) -> Recording:
    """Return a checkpoint to be recorded."""
    return Recording(Checkpoint(key, inline(value), fingerprint))


def costing(key: str, cost: str | None = "0.01") -> Recording:
    """Return a charge to be recorded."""
    charge = Charge(key, "openai", "gpt-5-mini", 100, 20, 3, 4, None if cost is None else Decimal(cost))
    return Recording(charge=charge)


class RecordingGuarantees(StoreBackend):
    """What ``record``, ``load_checkpoints``, ``read_ledger`` and ``get_attestation`` promise."""

    async def recorded(self, store: Store, grant: Grant, direction: Direction = Direction.EXECUTE) -> dict[str, object]:
        """Return the values of the checkpoints of the step of this grant."""
        view = await store.get_run(grant.key.workflow_id)
        [key] = [step.idempotency_key for step in view.steps if step.position == grant.key.position]
        step_id = key.split(":")[1]
        found = await store.load_checkpoints(grant.key.workflow_id, UUID(step_id), direction)
        return {key: one.value for key, one in found.items()}

    # -- variables

    async def test_a_variable_that_a_step_sets_is_there_at_once_and_the_next_attempt_writes_over_it(
        self, store: Store
    ) -> None:
        first = await self.begin(store, "draft", "print", lease=self.lease)
        value, blob = shelve(b'"%b"' % (b"x" * 5000))
        run = first.key.workflow_id

        assert await store.record(first.held, Recording(blob=blob, variable=("text", value))) == Recorded(alive=True)
        assert await store.load_variables(run) == {"text": value}
        assert await store.load_values(run, [value.sha256 if isinstance(value, Ref) else ""])

        [second] = await self.take_over(store)
        assert await store.record(first.held, Recording(variable=("text", inline("stale")))) == REFUSED
        await store.record(second.held, Recording(variable=("text", inline("anew"))))
        assert await store.load_variables(run) == {"text": inline("anew")}

    async def test_what_a_commit_sets_writes_over_what_its_step_has_set_before(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "print")
        for name in ("text", "title"):
            await store.record(grant.held, Recording(variable=(name, inline("before"))))

        await store.record_step_result([completed(grant, "done", variables={"text": inline("after")})], self.lease)

        found = await store.load_variables(grant.key.workflow_id)
        assert found == {"draft": inline("done"), "text": inline("after"), "title": inline("before")}

    # -- checkpoints

    async def test_a_later_attempt_finds_what_an_earlier_one_recorded(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        await store.record(first.held, saying("model.0", {"text": "é"}, "asked"))
        [second] = await self.take_over(store)

        await store.record(second.held, saying("model.1", 2))

        assert await self.recorded(store, second) == {"model.0": inline({"text": "é"}), "model.1": inline(2)}

    async def test_the_first_of_a_key_counts_and_a_repeat_gets_it_back(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        first = saying("model.0", "first", "asked")

        answers = [await store.record(grant.held, one) for one in (first, saying("model.0", "second", "other"), first)]

        assert answers == [Recorded(alive=True, checkpoint=first.checkpoint)] * 3
        assert await self.recorded(store, grant) == {"model.0": inline("first")}

    async def test_a_large_result_rests_behind_a_claim_check(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        json = b'"' + b"x" * 50_000 + b'"'
        value, blob = shelve(json)

        await store.record(grant.held, Recording(Checkpoint("tool.0", value), blob))

        assert blob is not None
        assert await self.recorded(store, grant) == {"tool.0": value}
        assert await store.load_values(grant.key.workflow_id, [blob.sha256]) == {blob.sha256: json}

    async def test_steps_and_runs_do_not_see_each_others(self, store: Store) -> None:
        grant, other = await self.begin(store, "draft", "review"), await self.begin(store, "draft")
        await store.record(grant.held, saying("model.0", 1))
        await self.settle(store, completed(grant))
        [following] = await self.take(store)

        assert await self.recorded(store, following) == {}
        assert await self.recorded(store, other) == {}
        assert await store.load_checkpoints(grant.key.workflow_id, uuid4(), Direction.EXECUTE) == {}
        assert await store.load_checkpoints(uuid4(), uuid4(), Direction.EXECUTE) == {}

    async def test_undoing_a_step_has_checkpoints_of_its_own(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await store.record(grant.held, saying("model.0", "there"))
        await self.settle(store, completed(grant, undo=Undo.COMPLETED))
        [second] = await self.take(store)
        await self.settle(store, failed(second))
        [back] = await self.take(store)

        await store.record(back.held, saying("model.0", "back"))

        assert await self.recorded(store, back, Direction.COMPENSATE) == {"model.0": inline("back")}
        assert await self.recorded(store, grant) == {"model.0": inline("there")}

    # -- the lease

    async def test_whoever_was_taken_over_records_nothing(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        await self.take_over(store)
        both = saying("model.0", 1)._replace(charge=costing("model.0").charge)

        assert await store.record(first.held, both) == REFUSED

        assert await self.recorded(store, first) == {}
        assert await store.read_ledger(first.key.workflow_id) == []

    async def test_a_lease_that_ran_out_and_that_nobody_took_over_still_records(self, store: Store) -> None:
        grant = await self.begin(store, "draft", lease=self.lease)
        await self.let_leases_end()

        assert (await store.record(grant.held, saying("model.0", 1))).alive

    async def test_a_fence_that_is_not_there_yet_records_nothing(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        assert await store.record(LeaseToken(grant.key, grant.fence + 1), saying("model.0", 1)) == REFUSED

    async def test_whoever_has_given_up_its_lease_records_nothing(self, store: Store) -> None:
        released, retried, done = [await self.begin(store, "draft") for _ in range(3)]
        await store.release([released.held])
        await self.settle(store, decided(retried, Retrying(FAULT, 60.0)))
        await self.settle(store, completed(done))

        assert [await store.record(one.held, saying("m", 1)) for one in (released, retried, done)] == [REFUSED] * 3

    async def test_nothing_is_recorded_for_a_run_that_was_terminated(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await store.terminate(grant.key.workflow_id)

        assert await store.record(grant.held, saying("model.0", 1)) == REFUSED

    async def test_another_namespace_neither_records_nor_reads(self, store: Store, connect: Connect) -> None:
        grant = await self.begin(store, "draft")
        await store.record(grant.held, saying("model.0", 1)._replace(charge=costing("model.0").charge))

        async with connect("elsewhere") as other:
            assert await other.record(grant.held, saying("model.1", 1)) == REFUSED
            assert await other.read_ledger(grant.key.workflow_id) == []
            [step] = (await store.get_run(grant.key.workflow_id)).steps
            step_id = UUID(step.idempotency_key.split(":")[1])
            assert await other.load_checkpoints(grant.key.workflow_id, step_id, Direction.EXECUTE) == {}

    # -- the ledger

    async def test_what_was_charged_is_read_as_it_was_written(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        recordings = [costing("a", "0.000000001"), costing("b", "12.5"), costing("c", None), costing("d", "0")]

        answers = [await store.record(grant.held, recording) for recording in recordings]
        entries = await store.read_ledger(grant.key.workflow_id)

        assert answers == [Recorded(alive=True)] * 4
        assert [entry.charge for entry in entries] == [recording.charge for recording in recordings]
        assert {entry.direction for entry in entries} == {Direction.EXECUTE}
        assert [entry.at for entry in entries] == sorted(entry.at for entry in entries)

    async def test_a_request_is_charged_once(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        both = saying("model.0", 1)._replace(charge=costing("model.0", "1").charge)
        await store.record(first.held, both)
        [second] = await self.take_over(store)

        await store.record(second.held, both)
        await store.record(second.held, costing("model.0", "2"))

        assert [entry.charge for entry in await store.read_ledger(first.key.workflow_id)] == [both.charge]

    async def test_the_ledger_outlives_the_run_until_it_is_pruned(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await store.record(grant.held, saying("model.0", 1)._replace(charge=costing("model.0").charge))
        await self.settle(store, completed(grant))

        assert await store.get_status(grant.key.workflow_id) is RunStatus.COMPLETED
        assert len(await store.read_ledger(grant.key.workflow_id)) == 1
        await self.let_leases_end()
        assert await store.prune(self.lease * 0) == 1
        assert await store.read_ledger(grant.key.workflow_id) == []

    # -- what is attested of a run's end

    async def test_what_was_attested_of_the_last_hop_is_kept_with_the_end(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await self.settle(store, completed(grant))
        [last] = await self.take(store)
        assert await store.get_attestation(grant.key.workflow_id) is None

        await self.settle(store, replace(completed(last), attestation=b"signed\x00"))

        assert await store.get_attestation(grant.key.workflow_id) == b"signed\x00"

    async def test_a_refused_commit_attests_nothing(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        [second] = await self.take_over(store)
        assert await self.settle(store, replace(completed(first), attestation=b"forged")) == [Verdict.FENCED]

        await self.settle(store, completed(second))

        assert await store.get_attestation(first.key.workflow_id) is None

    async def test_a_run_that_goes_on_after_its_end_is_attested_anew(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, replace(failed(grant), attestation=b"failed"))

        await store.resume(grant.key.workflow_id)

        assert await store.get_attestation(grant.key.workflow_id) is None
        [again] = await self.take(store)
        await self.settle(store, replace(completed(again), attestation=b"completed"))
        assert await store.get_attestation(grant.key.workflow_id) == b"completed"

    async def test_of_an_unknown_run_there_is_no_attestation(self, store: Store, connect: Connect) -> None:
        grant = await self.begin(store, "draft")

        async with connect("elsewhere") as other:
            for asked in (store.get_attestation(uuid4()), other.get_attestation(grant.key.workflow_id)):
                with pytest.raises(UnknownRun):
                    await asked
