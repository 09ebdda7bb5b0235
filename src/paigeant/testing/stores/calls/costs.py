"""Contract tests of costs: exact sums in every grouping."""

# ruff: noqa: D102, S101, PLR2004 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

from paigeant.abc import Store
from paigeant.model.custody.notes import NoteKind
from paigeant.model.hops import Grant
from paigeant.model.outcomes import Parked
from paigeant.model.spending.charges import Charge
from paigeant.model.spending.costs import CostBy, Usage
from paigeant.model.stored.checkpoints import Checkpoint, Recording
from paigeant.testing.builders import completed, decided, new_run
from paigeant.testing.stores.backend import Connect, StoreBackend


def spent(grant: Grant, key: str, usd: str | None, model: str = "gpt-5-mini", agent: str = "writer") -> Recording:
    """Return a charge of a request."""
    charge = Charge(key, "openai", model, 100, 20, cost=None if usd is None else Decimal(usd), agent=agent)
    return Recording(grant.held, Checkpoint(key, b"1", kind="model"), (charge,))


class CostGuarantees(StoreBackend):
    """Guarantees of ``sum_costs``, ``prune_ledger`` and the view of a run."""

    async def test_costs_are_summed_by_whatever_is_asked_for(self, store: Store) -> None:
        first = await self.begin_run(store, new_run("draft", "review", tenant="acme"))
        await store.record_checkpoints([spent(first, "a", "0.1"), spent(first, "b", "0.2", "opus", "editor")])
        await self.settle(store, completed(first))
        [second] = await self.take(store)
        await store.record_checkpoints([spent(second, "a", None, "local")])

        costs = {by: await store.sum_costs(by) for by in CostBy}

        assert costs[CostBy.MODEL].total == Usage(
            requests=3, input_tokens=300, output_tokens=60, usd=Decimal("0.3"), unpriced=1
        )
        shown = {by: [(row.key, row.usd, row.unpriced) for row in costs[by].rows] for by in CostBy}
        assert shown[CostBy.MODEL] == [
            ("opus", Decimal("0.2"), 0),
            ("gpt-5-mini", Decimal("0.1"), 0),
            ("local", None, 1),
        ]
        assert shown[CostBy.STEP] == [("draft", Decimal("0.3"), 0), ("review", None, 1)]
        assert shown[CostBy.AGENT] == [("editor", Decimal("0.2"), 0), ("writer", Decimal("0.1"), 1)]
        assert shown[CostBy.TENANT] == [("acme", Decimal("0.3"), 1)]
        assert shown[CostBy.WORKFLOW] == [("article", Decimal("0.3"), 1)]
        days = [entry.at.date().isoformat() for entry in await store.read_ledger(first.key.workflow_id)]
        assert {row.key for row in costs[CostBy.DAY].rows} == set(days)

    async def test_costs_are_of_one_run_or_of_all_of_a_namespace(self, store: Store, connect: Connect) -> None:
        one, other = await self.begin(store, "draft"), await self.begin(store, "draft")
        await store.record_checkpoints([spent(one, "a", "0.000000000001"), spent(other, "a", "5")])

        assert (await store.sum_costs(CostBy.STEP)).total.usd == Decimal("5.000000000001")
        of_one = await store.sum_costs(CostBy.STEP, workflow_id=one.key.workflow_id)
        assert of_one.total.usd == Decimal("0.000000000001")
        assert (await store.sum_costs(CostBy.STEP, since=timedelta(hours=1))).total.requests == 2
        assert (await store.sum_costs(CostBy.STEP, since=timedelta(hours=-1))).total == Usage()
        async with connect("elsewhere") as elsewhere:
            assert (await elsewhere.sum_costs(CostBy.STEP)).rows == ()

    async def test_the_view_of_a_run_says_what_each_step_recorded_and_spent(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        await store.record_checkpoints([spent(first, "a", "0.1")])
        [second] = await self.take_over(store)
        await store.record_checkpoints([spent(second, "b", "0.2"), Recording(second.held, Checkpoint("t", b"1"))])

        [step] = (await store.get_run(first.key.workflow_id)).steps

        assert step.usage is not None
        assert step.calls is not None
        assert (step.usage.requests, step.usage.usd) == (2, Decimal("0.3"))
        assert (step.calls.requests, step.calls.tools, step.calls.replayed) == (2, 1, 1)

    async def test_a_step_that_waits_has_replayed_nothing_before_it_is_run_again(self, store: Store) -> None:
        first = await self.begin(store, "draft")
        await store.record_checkpoints([spent(first, "a", "0.1")])
        await self.settle(store, decided(first, Parked("a person is asked")))

        [step] = (await store.get_run(first.key.workflow_id)).steps

        assert step.calls is not None
        assert (step.calls.requests, step.calls.replayed) == (1, 0)

    async def test_what_a_step_has_recorded_is_read_with_its_digests(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        await store.record_checkpoints([spent(first, "a", "0.1")])
        [second] = await self.take_over(store)
        await store.record_checkpoints([Recording(second.held, Checkpoint("t", b"1", jws=b"j"))])

        run = first.key.workflow_id
        [step, *_] = await store.list_calls(run)
        found = {(each.note.kind, each.note.name): each for each in await store.load_notes(run, step.step_id)}
        [charge] = [entry.charge for entry in await store.read_ledger(run)]

        recorded = found[NoteKind.CHECKPOINT, "t"]
        spent_on = found[NoteKind.CHARGE, charge.key]
        assert (recorded.note.digest, recorded.jws) == (Checkpoint("t", b"1").digest, b"j")
        assert (recorded.fence, spent_on.fence) == (second.fence, first.fence)
        assert (spent_on.note.digest, spent_on.about) == (charge.digest, ("article", None, "draft", "", "1"))
        assert sorted((await store.load_evidence(run)).notes) == sorted(found.values())
        assert await store.load_notes(run, uuid4()) == []

    async def test_the_ledger_is_pruned_only_by_itself_and_once_its_run_is_gone(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await store.record_checkpoints([spent(grant, "a", "1"), spent(grant, "b", "1"), spent(grant, "c", "1")])
        assert await store.prune_ledger(timedelta(hours=-1)) == 0
        await store.terminate(grant.key.workflow_id)
        await store.prune(timedelta(hours=-1))

        assert await store.prune_ledger(timedelta(hours=1)) == 0
        assert await store.prune_ledger(timedelta(hours=-1), 2) == 2
        assert await store.prune_ledger(timedelta(hours=-1), 2) == 1
        assert await store.read_ledger(grant.key.workflow_id) == []
