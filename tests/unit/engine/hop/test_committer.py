"""A commit is answered, once, to whoever still waits; nothing that fails for one keeps another from its answer."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest

from paigeant.engine.grants import margin
from paigeant.engine.hop.committer import Committed, Committer
from paigeant.engine.hop.leases import LeaseKeeper
from paigeant.engine.runtime import Runtime
from paigeant.model.hops import Commit, Verdict
from paigeant.model.runs import StepStatus
from paigeant.model.stored.claims import Announced
from paigeant.model.values.values import Blob
from paigeant.testing.builders import completed, new_run, notice
from paigeant.testing.waiting import eventually


async def leased(bench: Any, *steps: str) -> Commit:
    start = new_run(*steps)
    await bench.steady.record_workflow_start([start])
    [grant] = await bench.steady.claim("worker-1", Announced([notice(start)]), 10, bench.lease)
    return completed(grant)


def committer_of(runtime: Runtime) -> Committer:
    return Committer(runtime, LeaseKeeper(runtime))


def asking_for_the_next(bench: Any, commit: Commit) -> Commit:
    """Return the commit that asks for its only twin, whose activity is served here."""

    @bench.registry.execute
    async def draft() -> None: ...

    [twin] = commit.twins
    return replace(commit, hand_over=twin.key)


def asked_at(bench: Any, answer: Committed) -> float:
    """Return from when on the lease that was handed over is relied on."""
    assert answer.following is not None
    return answer.following.good_until - margin(bench.runtime())


def for_a_while() -> Callable[[], float]:
    end = monotonic() + 10
    return lambda: end


async def test_a_commit_that_nobody_waits_for_any_more_disturbs_no_other(bench: Any):
    first, second = await leased(bench, "draft"), await leased(bench, "draft")
    bench.store.fate = lambda name, n: "away" if name == "record_step_result" and n == 1 else None

    async with asyncio.timeout(5), committer_of(bench.runtime()) as committer:
        gone = asyncio.create_task(committer.commit(first, lambda: 0.0))
        waiting = asyncio.create_task(committer.commit(second, for_a_while()))
        await asyncio.sleep(0)
        gone.cancel()
        answer = await waiting

    assert answer.result.verdict is Verdict.OK


async def test_no_more_are_written_at_once_than_the_store_says_is_best(bench: Any, monkeypatch: Any):
    commits = [await leased(bench, "draft") for _ in range(5)]
    write, sizes = bench.steady.record_step_result, list[int]()

    async def count(group: Any, lease: Any) -> Any:
        sizes.append(len(group))
        return await write(group, lease)

    monkeypatch.setattr(bench.store, "record_step_result", count)
    bench.store.group_size = 2
    async with asyncio.timeout(5), committer_of(bench.runtime()) as committer:
        answers = await asyncio.gather(*(committer.commit(each, for_a_while()) for each in commits))

    assert [answer.result.verdict for answer in answers] == [Verdict.OK] * 5
    assert sizes == [2, 2, 1]


async def test_a_lease_that_ends_while_the_store_is_away_is_fenced(bench: Any):
    commit = await leased(bench, "draft")
    bench.store.fate = lambda name, _: "away" if name == "record_step_result" else None

    async with asyncio.timeout(5), committer_of(bench.runtime()) as committer:
        answer = await committer.commit(commit, lambda: 0.0)

    assert answer.result.verdict is Verdict.FENCED


async def test_an_error_goes_to_the_commit_that_caused_it_and_to_no_other(bench: Any, monkeypatch: Any):
    good, bad = await leased(bench, "draft"), await leased(bench, "draft")
    write = bench.steady.record_step_result

    async def refuse(commits: Any, lease: Any) -> Any:
        if bad in commits:
            raise OverflowError("a date of the year 12026")
        return await write(commits, lease)

    monkeypatch.setattr(bench.store, "record_step_result", refuse)
    async with asyncio.timeout(5), committer_of(bench.runtime()) as committer:
        answers = await asyncio.gather(
            committer.commit(bad, for_a_while()), committer.commit(good, for_a_while()), return_exceptions=True
        )
        later = await committer.commit(await leased(bench, "draft"), for_a_while())

    assert isinstance(answers[0], OverflowError)
    assert answers[1].result.verdict is Verdict.OK  # type: ignore[union-attr]
    assert later.result.verdict is Verdict.OK


async def test_a_hook_that_raises_stops_nothing(bench: Any, monkeypatch: Any):
    def fail(event: Any) -> None:
        raise ValueError(event)

    monkeypatch.setattr(bench.hooks, "on_event", fail)
    bench.store.fate = lambda name, n: "away" if n == 1 and name != "report_worker" else None

    @bench.registry.execute
    async def step() -> str:
        return "done"

    await bench.serve()
    run = await bench.start("step")

    assert (await bench.until(run)).output == "done"


async def test_a_lease_handed_over_by_a_late_commit_counts_from_the_answer(bench: Any):
    commit = asking_for_the_next(bench, await leased(bench, "draft", "draft"))
    bench.store.fate = lambda name, n: "away" if name == "record_step_result" and n < 4 else None
    began = monotonic()

    async with asyncio.timeout(5), committer_of(bench.runtime()) as committer:
        answer = await committer.commit(commit, for_a_while())

    assert asked_at(bench, answer) > began + 0.1


@pytest.mark.parametrize("lost", [1, 3])
async def test_a_lease_handed_over_by_an_answer_that_was_lost_counts_from_the_first_question(bench: Any, lost: int):
    commit = asking_for_the_next(bench, await leased(bench, "draft", "draft"))
    asked = list[float]()

    def fate(name: str, n: int) -> str | None:
        if name != "record_step_result":
            return None
        asked.append(monotonic())
        return "lost" if n <= lost else None

    bench.store.fate = fate

    async with asyncio.timeout(5), committer_of(bench.runtime()) as committer:
        answer = await committer.commit(commit, for_a_while())

    assert answer.result.verdict is Verdict.ALREADY
    assert asked_at(bench, answer) <= asked[0] < asked[-1]


async def test_a_lease_that_is_handed_over_to_nobody_is_given_back(bench: Any):
    commit = asking_for_the_next(bench, await leased(bench, "draft", "draft"))
    [twin] = commit.twins

    async with asyncio.timeout(5), committer_of(bench.runtime()) as committer:
        gone = asyncio.create_task(committer.commit(commit, for_a_while()))
        await asyncio.sleep(0)
        gone.cancel()

        async def is_free() -> bool:
            [*_, step] = (await bench.view(twin.key.workflow_id)).steps
            return (step.position, step.status, step.attempt) == (2, StepStatus.PENDING, 0)

        assert await eventually(is_free)


async def test_what_was_committed_last_is_still_announced_when_the_worker_stops(bench: Any):
    published = []

    class Slow:
        async def publish(self, topic: str, message: Any) -> None:
            await asyncio.sleep(0.05)
            published.append(topic)

    commit = await leased(bench, "draft", "review")
    async with asyncio.timeout(5), committer_of(bench.runtime(transport=Slow())) as committer:
        with suppress(asyncio.CancelledError):
            await committer.commit(commit, for_a_while())

    assert published == ["review"]


async def test_large_values_do_not_all_go_in_one_transaction(bench: Any, monkeypatch: Any):
    sizes: list[int] = []
    write = bench.steady.record_step_result

    async def measure(commits: Any, lease: Any) -> Any:
        sizes.append(sum(len(blob.json) for commit in commits for blob in commit.blobs))
        return await write(commits, lease)

    monkeypatch.setattr(bench.store, "record_step_result", measure)
    commits = [replace(await leased(bench, "draft"), blobs=(Blob(f"{n}", b"x" * 1_500_000),)) for n in range(9)]
    commits.append(replace(await leased(bench, "draft"), blobs=(Blob("large", b"x" * 16_000_000),)))

    async with asyncio.timeout(10), committer_of(bench.runtime()) as committer:
        answers = await asyncio.gather(*(committer.commit(commit, for_a_while()) for commit in commits))

    assert {answer.result.verdict for answer in answers} == {Verdict.OK}
    assert sizes == [3_000_000, 3_000_000, 3_000_000, 3_000_000, 1_500_000, 16_000_000]
