"""Contract tests of approvals: a question is answered once, and its step goes on when none is open."""

# ruff: noqa: D102, S101, PLR2004 -- tests: a name is a sentence, a number an example

from __future__ import annotations

import asyncio
from datetime import timedelta
from uuid import UUID

import pytest

from paigeant.abc import Store
from paigeant.errors import UnknownApproval, WrongState
from paigeant.model.hops import Grant
from paigeant.model.outcomes import Parked
from paigeant.model.people.approvals import Answer, Answered, Approval, ApprovalStatus, Asked, AskedKind
from paigeant.model.runs import Direction, RunStatus
from paigeant.model.stored.checkpoints import StepEpoch
from paigeant.model.values.digests import digest_of
from paigeant.testing.builders import decided, failed
from paigeant.testing.stores.backend import Connect, StoreBackend
from paigeant.testing.waiting import eventually

YES = Answer(ApprovalStatus.APPROVED, "ann")
NO = Answer(ApprovalStatus.DENIED, "bob", '"too dear"')


def asking(key: str, seconds: float | None = None) -> Asked:
    """Return a question."""
    return Asked(key, AskedKind.APPROVAL, "pay", '{"eur":900}', '{"why":"new"}', seconds)


class ApprovalGuarantees(StoreBackend):
    """Guarantees of the contract ``Approvals``."""

    async def ask(self, store: Store, grant: Grant, *asked: Asked) -> list[Approval]:
        """Make the step wait for these questions; returns the open ones."""
        await self.settle(store, decided(grant, Parked("approval", asks=asked)))
        return list((await store.list_approvals()).approvals)

    async def step(self, store: Store, grant: Grant) -> StepEpoch:
        """Return the key of the step's questions."""
        view = (await store.get_run(grant.key.workflow_id)).steps[0]
        return StepEpoch(grant.key.workflow_id, UUID(view.idempotency_key.split(":")[1]), Direction.EXECUTE)

    async def test_what_is_asked_is_listed_as_it_was_asked(self, store: Store) -> None:
        grant = await self.begin(store, "draft")

        [asked] = await self.ask(store, grant, asking("a"))

        assert (asked.workflow_id, asked.workflow, asked.step, asked.position) == (grant.key[0], "article", "draft", 1)
        assert (asked.kind, asked.tool, asked.status) == (AskedKind.APPROVAL, "pay", ApprovalStatus.OPEN)
        assert (asked.arguments, asked.metadata, asked.answer) == ({"eur": 900}, {"why": "new"}, None)
        assert await store.get_approval(asked.id) == asked
        assert await self.take(store) == []

    async def test_a_step_goes_on_when_none_of_its_questions_is_open(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        first, second = await self.ask(store, grant, asking("a"), asking("b"))

        await store.answer_approval(second.id, NO)
        assert await self.take(store) == []
        answered = await store.answer_approval(first.id, YES)

        assert (answered.status, answered.answered_by) == (ApprovalStatus.APPROVED, "ann")
        [again] = await self.take(store)
        assert again.attempt == 1
        shown = {one.key: one.shown for one in (await store.list_approvals(everything=True)).approvals}
        assert await store.load_answers(await self.step(store, grant)) == {
            "a": Answered(ApprovalStatus.APPROVED, None, "ann", None, shown["a"]),
            "b": Answered(ApprovalStatus.DENIED, "too dear", "bob", digest_of(b'"too dear"'), shown["b"]),
        }
        assert (await store.list_approvals()).approvals == ()
        assert len((await store.list_approvals(everything=True)).approvals) == 2

    async def test_an_answer_that_comes_while_the_step_looks_again_is_not_missed(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        [asked] = await self.ask(store, grant, asking("a"))
        await store.resume(grant.key.workflow_id)
        [again] = await self.take(store)
        waits = decided(again, Parked("approval", asks=(asking("a"),)))  # it found the question open

        await store.answer_approval(asked.id, YES)
        await self.settle(store, waits)

        [third] = await self.take(store)
        assert (third.key, third.attempt) == (grant.key, 1)

    async def test_a_step_that_waits_again_does_not_wait_longer_for_a_question_than_it_is_open(
        self, store: Store
    ) -> None:
        grant = await self.begin(store, "draft")
        await self.ask(store, grant, asking("a", self.lease.total_seconds()))
        await store.resume(grant.key.workflow_id)
        [again] = await self.take(store)

        await self.settle(store, decided(again, Parked("approval", timedelta(hours=1), asks=(asking("a", 3600.0),))))

        [third] = await self.take_over(store)
        assert (third.key, third.attempt) == (grant.key, 1)

    async def test_an_answer_runs_no_step_that_waits_for_something_else(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        [asked] = await self.ask(store, grant, asking("a"))
        await store.resume(grant.key.workflow_id)
        [again] = await self.take(store)
        await self.settle(store, decided(again, Parked("interrupted")))

        await store.answer_approval(asked.id, YES)

        assert await self.take(store) == []
        view = await store.get_run(grant.key.workflow_id)
        assert (view.status, view.reason) == (RunStatus.WAITING, "interrupted")

    async def test_of_two_answers_one_counts(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        [asked] = await self.ask(store, grant, asking("a"))

        answers = await asyncio.gather(
            *(store.answer_approval(asked.id, one) for one in (YES, NO)), return_exceptions=True
        )

        assert [type(one) for one in answers if isinstance(one, Exception)] == [WrongState]
        with pytest.raises(WrongState, match="already: it is answered once"):
            await store.answer_approval(asked.id, YES)

    async def test_a_question_that_is_asked_again_stays_as_it_is(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        [asked] = await self.ask(store, grant, asking("a"))
        await store.resume(grant.key.workflow_id)
        [again] = await self.take(store)

        assert await self.ask(store, again, asking("a")) == [asked]

    async def test_a_question_whose_time_is_up_is_not_answered(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.ask(store, grant, asking("a", 0.05))
        [asked] = (await store.list_approvals(everything=True)).approvals  # it may have expired already
        await self.let_leases_end()

        async def expired() -> bool:
            return (await store.get_approval(asked.id)).status is ApprovalStatus.EXPIRED

        assert await eventually(expired)
        with pytest.raises(WrongState, match="is expired"):
            await store.answer_approval(asked.id, YES)
        assert (await store.list_approvals()).approvals == ()

    async def test_the_end_of_a_run_and_a_fresh_start_withdraw_what_is_open(self, store: Store) -> None:
        ended, afresh, other = [await self.begin(store, "draft") for _ in range(3)]
        for grant in (ended, afresh, other):
            await self.ask(store, grant, asking("a"))
        await store.terminate(ended.key.workflow_id)
        await store.resume(afresh.key.workflow_id, afresh=True)
        [again] = await self.take(store)
        await self.settle(store, failed(again))

        everything = (await store.list_approvals(everything=True)).approvals
        withdrawn = [one for one in everything if one.workflow_id != other.key.workflow_id]

        assert {one.status for one in withdrawn} == {ApprovalStatus.WITHDRAWN}
        for one in withdrawn:
            with pytest.raises(WrongState, match="is withdrawn"):
                await store.answer_approval(one.id, YES)
        assert [one.workflow_id for one in (await store.list_approvals()).approvals] == [other.key.workflow_id]

    async def test_approvals_are_listed_in_pages_and_by_workflow(self, store: Store) -> None:
        grant = await self.begin(store, "draft")
        await self.ask(store, grant, *(asking(str(n)) for n in range(3)))

        page = await store.list_approvals(limit=2)
        rest = await store.list_approvals(limit=2, after=page.next)

        assert [len(page.approvals), len(rest.approvals), rest.next] == [2, 1, None]
        assert (await store.list_approvals(workflows=["other", "another"])).approvals == ()
        assert len((await store.list_approvals(workflows=["other", "article"])).approvals) == 3

    async def test_what_another_namespace_asks_is_unknown(self, store: Store, connect: Connect) -> None:
        grant = await self.begin(store, "draft")
        [asked] = await self.ask(store, grant, asking("a"))

        async with connect("elsewhere") as other:
            assert (await other.list_approvals(everything=True)).approvals == ()
            with pytest.raises(UnknownApproval, match="no approval has the id"):
                await other.answer_approval(asked.id, YES)
        for never in (2**40, 2**63, 10**30, 0, -1):
            with pytest.raises(UnknownApproval):
                await store.get_approval(never)
