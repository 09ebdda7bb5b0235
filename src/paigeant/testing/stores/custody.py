"""Contract tests of signed records: written with their hop or not at all, and returned unchanged."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from paigeant.abc import Store
from paigeant.errors import UnknownRun, UnsignedRun, WrongState
from paigeant.model.custody.adoption import Adoption
from paigeant.model.custody.evidence import SetVariable
from paigeant.model.custody.records import RecordKind, SignedRecord, StoredRecord
from paigeant.model.hops import Commit, Grant, Verdict
from paigeant.model.message import HopKey
from paigeant.model.outcomes import Retrying
from paigeant.model.people.deeds import Deed, DeedTerms, DeedVerb
from paigeant.model.runs import CancelRequest
from paigeant.model.stored.signals import SentSignal
from paigeant.model.values.values import inline
from paigeant.routing.close import unreadable
from paigeant.testing.builders import FAULT, WORKER, completed, decided, failed, new_run
from paigeant.testing.stores.backend import Connect, StoreBackend


def held_unsigned(grant: Grant) -> Commit:
    """Return the commit that holds a hop of an unsigned run."""
    return Commit(grant.held, WORKER, uuid4(), unreadable(UnsignedRun("it is not signed")))


def signed(text: str, kind: RecordKind = RecordKind.HOP) -> SignedRecord:
    """Return a record of this text."""
    return SignedRecord(kind, text.encode(), b"e30..AAAA")


def with_record(commit: Commit, text: str) -> Commit:
    """Return the commit with a record of this text."""
    return replace(commit, record=signed(text))


def done(verb: DeedVerb, run: UUID | None) -> Deed:
    """Return an imitation of a signed deed."""
    deed = Deed.of(DeedTerms(verb, run, "ann", "cli", {"é": [1, None]}))
    return replace(deed, text='{"k":"deed é"}', jws="e30..AAAA")


class CustodyGuarantees(StoreBackend):
    """Guarantees of ``load_records``, and of starts and commits with records."""

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

    async def test_an_adopted_run_names_its_record_and_goes_on(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        await self.settle(store, held_unsigned(grant))
        run, deed = grant.key.workflow_id, done(DeedVerb.ADOPT, grant.key.workflow_id)
        adoption = Adoption(await store.load_evidence(run), signed("{}", RecordKind.ADOPT))
        assert await self.take(store) == []

        assert await store.adopt(adoption, deed=deed)

        assert not await store.adopt(adoption, deed=done(DeedVerb.ADOPT, run))
        [again] = await self.take(store)
        assert (again.key, again.head, again.attempt) == (grant.key, adoption.record.digest, 1)
        [record] = await store.load_records(run)
        assert (record.key, record.fence, record.record) == (HopKey(run, "", 0), 0, adoption.record)
        assert [each.deed for each in await store.load_deeds(run)] == [deed]
        with pytest.raises(UnknownRun):
            await store.adopt(adoption._replace(evidence=adoption.evidence._replace(workflow_id=uuid4())))

    async def test_a_run_that_went_on_is_not_adopted_as_it_was(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        run = grant.key.workflow_id
        seen = Adoption(await store.load_evidence(run), signed("{}", RecordKind.ADOPT))
        with pytest.raises(WrongState, match="being executed"):
            await store.adopt(seen)
        await self.settle(store, completed(grant, "text"))

        with pytest.raises(WrongState, match="gone on"):
            await store.adopt(seen)
        await store.save_variable(run, "tone", inline("dry"))
        with pytest.raises(WrongState, match="gone on"):
            await store.adopt(seen._replace(leased=True))

        assert await store.load_records(run) == []

    async def test_a_run_is_adopted_under_a_lease_of_who_signs(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "review")
        seen = await store.load_evidence(grant.key.workflow_id)

        assert await store.adopt(Adoption(seen, signed("{}", RecordKind.ADOPT), leased=True))

        assert await self.settle(store, with_record(completed(grant), "done")) == [Verdict.OK]
        assert [each.record.kind for each in await store.load_records(grant.key.workflow_id)] == ["adopt", "hop"]

    async def test_what_a_person_does_is_written_with_who_it_was(self, store: Store) -> None:
        run = (await self.begin(store, "draft", "review")).key.workflow_id
        deeds = {verb: done(verb, run) for verb in DeedVerb}

        await store.save_variable(run, "tone", inline("dry"), deed=deeds[DeedVerb.VARIABLE])
        signal = SentSignal(run, "approved", "1", inline("yes"), deed=deeds[DeedVerb.SIGNAL])
        await store.send_signals([signal, replace(signal, deed=done(DeedVerb.SIGNAL, run))])
        await store.request_cancel(run, CancelRequest.PLAIN, deed=deeds[DeedVerb.CANCEL])
        with pytest.raises(WrongState):
            await store.resume(run, deed=deeds[DeedVerb.RETRY])
        await store.terminate(run, deed=deeds[DeedVerb.TERMINATE])

        found = await store.load_deeds(run)
        verbs = [DeedVerb.VARIABLE, DeedVerb.SIGNAL, DeedVerb.CANCEL, DeedVerb.TERMINATE]
        assert [each.deed for each in found] == [deeds[verb] for verb in verbs]
        assert [each.at for each in found] == sorted(each.at for each in found)
        assert (await store.load_evidence(run)).deeds == found

    async def test_a_deed_is_kept_once_and_is_among_the_newest_of_all(self, store: Store, connect: Connect) -> None:
        run = (await self.begin(store, "draft")).key.workflow_id
        first, second, third = done(DeedVerb.PRUNE, None), done(DeedVerb.CANCEL, run), done(DeedVerb.DEAD_DROP, None)

        await store.record_deeds([first])
        await store.request_cancel(run, CancelRequest.PLAIN, deed=second)
        await store.record_deeds([first, third])

        assert [each.deed for each in await store.load_deeds(None)] == [first, second, third]
        assert [each.deed for each in await store.load_deeds(None, limit=1)] == [third]
        assert [each.deed for each in await store.load_deeds(run)] == [second]
        async with connect("elsewhere") as other:
            assert await other.load_deeds(None) == []

    async def test_deeds_go_with_their_run(self, store: Store) -> None:
        run = (await self.begin(store, "draft")).key.workflow_id
        await store.terminate(run, deed=done(DeedVerb.TERMINATE, run))
        await self.let_leases_end()

        assert await store.prune(self.lease * 0) == 1

        assert await store.load_deeds(run) == []

    async def test_records_go_with_their_run(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.settle(store, with_record(completed(grant), "done"))
        await self.let_leases_end()

        assert await store.prune(self.lease * 0) == 1

        assert await store.load_records(grant.key.workflow_id) == []
