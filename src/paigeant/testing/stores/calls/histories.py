"""Contract tests of histories: written with their step, and visible to later steps."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

from paigeant.abc import Store
from paigeant.model.calls.histories import History, HistoryHead
from paigeant.model.calls.packed import pack
from paigeant.model.hops import Verdict
from paigeant.model.values.values import inline, shelve
from paigeant.testing.builders import completed
from paigeant.testing.stores.backend import Connect, StoreBackend
from paigeant.testing.stores.forks import forked

TEXT = b'["%b"]' % (b"said " * 1000)
SAID = History("2.68.0", len(TEXT), pack(TEXT), "facts")


class HistoryGuarantees(StoreBackend):
    """Guarantees of the contract ``Histories``."""

    async def test_a_history_is_written_with_the_commit_of_its_step_and_by_nobody_else(
        self, store: Store, connect: Connect
    ) -> None:
        grant = await self.begin(store, "draft", "print", lease=self.lease)
        [second] = await self.take_over(store)
        stale = replace(completed(grant, "a"), history=SAID._replace(library="0"))
        good = replace(completed(second, "b"), history=SAID)

        verdicts = [result.verdict for result in await store.record_step_result([stale, good], self.lease)]

        assert verdicts == [Verdict.FENCED, Verdict.OK]
        [head] = await store.list_histories(grant.key.workflow_id)
        assert replace(head, at=second.leased_at) == HistoryHead(
            "draft", "facts", "", 1, "2.68.0", len(TEXT), kept=True, at=second.leased_at
        )
        found = await store.load_history(grant.key)
        assert found is not None
        assert (found.head, found.json) == (head, TEXT)
        async with connect("elsewhere") as elsewhere:
            assert await elsewhere.list_histories(grant.key.workflow_id) == []
            assert await elsewhere.load_history(grant.key) is None

    async def test_a_history_is_written_however_plain_the_commit_is(self, store: Store) -> None:
        grants = [await self.begin(store, "draft", "print") for _ in range(3)]
        value, blob = shelve(b'"%b"' % (b"x" * 5000))
        commits = [
            completed(grants[0], "alone"),
            completed(grants[1], "two", variables={"a": inline(1), "b": inline(2)}),
            completed(grants[2], "large", variables={"text": value}, blobs=(blob,) if blob else ()),
        ]

        for commit in commits:
            [result] = await store.record_step_result([replace(commit, history=SAID)], self.lease)
            assert result.verdict is Verdict.OK
            assert len(await store.list_histories(commit.held.key.workflow_id)) == 1

    async def test_of_one_that_was_too_large_only_its_size_is_kept(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "print")
        large = SAID._replace(payload=None, size=5_000_000)
        await store.record_step_result([replace(completed(grant), history=large)], self.lease)

        [head] = await store.list_histories(grant.key.workflow_id)

        assert (head.kept, head.size) == (False, 5_000_000)
        assert await store.load_history(grant.key) is None
        assert await store.list_histories(uuid4()) == []

    async def test_a_fork_inherits_the_histories_before_its_place_and_they_go_with_their_run(
        self, store: Store
    ) -> None:
        grant = await self.begin(store, "draft", "print", "send")
        await store.record_step_result([replace(completed(grant), history=SAID)], self.lease)
        later, earlier = forked(grant, 2), forked(grant, 1)

        await store.record_fork(later)
        await store.record_fork(earlier)

        run = later.start.workflow_id
        assert [head.step for head in await store.list_histories(run)] == ["draft"]
        assert await store.list_histories(earlier.start.workflow_id) == []
        found = await store.load_history(grant.key._replace(workflow_id=run))
        assert found is not None
        assert found.json == TEXT
        await store.terminate(run)
        assert await store.prune(-self.lease) == 1
        assert await store.list_histories(run) == []
        assert await store.list_histories(grant.key.workflow_id)
