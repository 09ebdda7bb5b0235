"""What is signed of a run is written with what it is of, or not at all, and given back as it was written."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from paigeant.abc import Store
from paigeant.errors import UnknownRun
from paigeant.model.custody.evidence import SetVariable
from paigeant.model.custody.records import RecordKind, SignedRecord, StoredRecord
from paigeant.model.hops import Commit, Verdict
from paigeant.model.message import HopKey
from paigeant.model.outcomes import Retrying
from paigeant.model.values.values import inline
from paigeant.testing.builders import FAULT, completed, decided, failed, new_run
from paigeant.testing.stores.backend import Connect, StoreBackend


def signed(text: str, kind: RecordKind = RecordKind.HOP) -> SignedRecord:
    """Return a record of this text."""
    return SignedRecord(kind, text.encode(), b"e30..AAAA")


def with_record(commit: Commit, text: str) -> Commit:
    """Return the commit with a record of this text."""
    return replace(commit, record=signed(text))


class CustodyGuarantees(StoreBackend):
    """What ``load_records`` promises, and a start and a commit of the records that they bring."""

    async def test_records_are_given_back_as_they_were_written(self, store: Store) -> None:
        start = replace(new_run("draft", "review"), record=signed('{"k":"dispatch é"}', RecordKind.DISPATCH))
        await store.record_workflow_start([start])
        [first] = await self.take(store)
        await self.settle(store, with_record(completed(first), '{"k":"hop","n":1}'))
        [second] = await self.take(store)
        await self.settle(store, with_record(completed(second), '{"k":"hop","n":2}'))

        run = start.workflow_id
        found = await store.load_records(run)
        assert found == [
            StoredRecord(HopKey(run, "", 0), 0, signed('{"k":"dispatch é"}', RecordKind.DISPATCH), found[0].at),
            StoredRecord(HopKey(run, "", 1), 1, signed('{"k":"hop","n":1}'), found[1].at),
            StoredRecord(HopKey(run, "", 2), 1, signed('{"k":"hop","n":2}'), found[2].at),
        ]

    async def test_a_record_says_when_it_was_written_by_the_clock_of_the_store(self, store: Store) -> None:
        start = replace(new_run("draft", "review"), record=signed("{}", RecordKind.DISPATCH))
        await store.record_workflow_start([start])
        [first] = await self.take(store)
        await self.settle(store, with_record(completed(first), "done"))
        [second] = await self.take(store)

        [dispatched, done] = await store.load_records(start.workflow_id)
        assert dispatched.at <= first.leased_at <= done.at <= second.leased_at

    async def test_a_dispatch_with_a_key_is_signed_too(self, store: Store) -> None:
        start = replace(new_run("draft", dispatch_key="order-1"), record=signed("{}", RecordKind.DISPATCH))
        again = replace(new_run("draft", dispatch_key="order-1"), record=signed('{"n":2}', RecordKind.DISPATCH))

        await store.record_workflow_start([start])
        await store.record_workflow_start([again])

        assert [each.record.text for each in await store.load_records(start.workflow_id)] == [b"{}"]
        assert await store.load_records(again.workflow_id) == []

    async def test_a_refused_commit_leaves_no_record(self, store: Store) -> None:
        first = await self.begin(store, "draft", lease=self.lease)
        [second] = await self.take_over(store)
        assert await self.settle(store, with_record(completed(first), "forged")) == [Verdict.FENCED]

        await self.settle(store, with_record(completed(second), "good"))

        [record] = await store.load_records(first.key.workflow_id)
        assert (record.record.text, record.fence) == (b"good", second.fence)

    async def test_a_repeated_commit_leaves_one_record(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        commit = with_record(completed(grant), "once")

        assert await self.settle(store, commit) == [Verdict.OK]
        assert await self.settle(store, commit) == [Verdict.ALREADY]

        assert len(await store.load_records(grant.key.workflow_id)) == 1

    async def test_a_hop_that_is_tried_again_has_left_no_record(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        await self.settle(store, decided(grant, Retrying(FAULT, 0.0)))

        assert await store.load_records(grant.key.workflow_id) == []

    async def test_a_resumed_hop_is_told_what_was_signed_when_it_was_left(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        left = with_record(failed(grant), "failed")
        assert grant.head is None
        await self.settle(store, left)

        await store.resume(grant.key.workflow_id)

        [again] = await self.take(store)
        assert left.record is not None
        assert again.head == left.record.digest
        await self.settle(store, with_record(completed(again), "completed"))
        found = await store.load_records(grant.key.workflow_id)
        assert [(each.record.text, each.fence) for each in found] == [(b"failed", 1), (b"completed", again.fence)]

    async def test_of_an_unknown_run_there_is_no_record(self, store: Store, connect: Connect) -> None:
        start = replace(new_run("draft"), record=signed("{}", RecordKind.DISPATCH))
        await store.record_workflow_start([start])

        async with connect("elsewhere") as other:
            assert await other.load_records(start.workflow_id) == []
        assert await store.load_records(uuid4()) == []

    async def test_evidence_is_all_that_must_agree_with_what_was_signed(self, store: Store) -> None:
        start = replace(new_run("draft", "review", payload="bees"), record=signed("{}", RecordKind.DISPATCH))
        await store.record_workflow_start([start])
        [first] = await self.take(store)
        await self.settle(store, with_record(completed(first, "text", variables={"note": inline(1)}), "done"))

        found = await store.load_evidence(start.workflow_id)

        assert (found.workflow, found.status, found.input, found.output) == ("article", "running", inline("bees"), None)
        assert found.variables == [SetVariable("note", "", 1, inline(1))]
        assert [each.record.text for each in found.records] == [b"{}", b"done"]
        assert [(hop.key.position, hop.step, hop.status, hop.output, hop.is_open) for hop in found.hops] == [
            (1, "draft", "completed", inline("text"), False),
            (2, "review", "pending", None, True),
        ]
        assert found.hops[0].body == first.body
        with pytest.raises(UnknownRun):
            await store.load_evidence(uuid4())

    async def test_records_go_with_their_run(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, with_record(completed(grant), "done"))
        await self.let_leases_end()

        assert await store.prune(self.lease * 0) == 1

        assert await store.load_records(grant.key.workflow_id) == []
