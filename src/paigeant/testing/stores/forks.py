"""Contract tests of forks: they inherit history, and neither run affects the other afterwards."""

# ruff: noqa: D102, S101 -- tests: a name is a sentence, a number an example

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import pytest

from paigeant.abc import Store
from paigeant.errors import UnknownRun
from paigeant.model.hops import Grant, Twin, Verdict
from paigeant.model.plan import Undo
from paigeant.model.runs import ForkOrigin, RunStatus
from paigeant.model.stored.checkpoints import Checkpoint, Recording, StepEpoch
from paigeant.model.stored.claims import Due
from paigeant.model.stored.forks import Fork, Named
from paigeant.model.stored.run_filter import RunFilter
from paigeant.model.values.values import inline, shelve
from paigeant.testing.builders import CODEC, WORKER, completed, failed, new_run
from paigeant.testing.stores.backend import StoreBackend


class ForkGuarantees(StoreBackend):
    """Guarantees of ``record_fork``."""

    async def test_a_fork_inherits_what_lies_before_its_place_and_nothing_that_can_be_undone(
        self, store: Store
    ) -> None:
        grant = await self.begin(store, "draft", "print", "send")
        value, blob = shelve(b'"%b"' % (b"x" * 5000))
        done = completed(
            grant, "drafted", undo=Undo.COMPLETED, variables={"text": value}, blobs=(blob,) if blob else ()
        )
        await store.record_step_result([done], self.lease)
        [second] = await store.claim(WORKER, Due(["print"]), 1, self.lease)
        await store.record_step_result([completed(second, "printed", variables={"page": inline(1)})], self.lease)
        fork = forked(grant, 2, outputs={1: inline("edited")}, variables={Named(1, "text"): inline("short")})

        await store.record_fork(fork)

        view = await store.get_run(fork.start.workflow_id)
        assert [(step.position, step.step, step.status, step.output) for step in view.steps] == [
            (1, "draft", "completed", "edited"),
            (2, "print", "pending", None),
        ]
        assert (view.status, view.variables) == ("pending", {"draft": "edited", "text": "short"})
        assert view.forked_from == ForkOrigin(workflow_id=grant.key.workflow_id, position=2)
        assert [run.workflow_id for run in (await store.list_runs(RunFilter(forks_of=fork.source))).runs] == [
            view.workflow_id
        ]
        assert ((await store.get_run(fork.source)).forks, view.forks) == (1, 0)
        [mine] = await store.claim(WORKER, Due(["print"]), 1, self.lease)
        assert (mine.key, mine.attempt) == (fork.start.twin.key, 1)
        assert (await store.record_step_result([failed(mine)], self.lease))[0].verdict is Verdict.OK
        assert await store.get_status(view.workflow_id) is RunStatus.FAILED
        assert await store.get_status(fork.source) is RunStatus.RUNNING

    async def test_a_fork_that_keeps_checkpoints_finds_those_of_its_first_step(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "print")
        await store.record_step_result([completed(grant)], self.lease)
        [second] = await store.claim(WORKER, Due(["print"]), 1, self.lease)
        assert await store.start_afresh(second.held) == 1
        for key, kind in (("prompt", "prompt"), ("a", "model")):
            await store.record_checkpoints([Recording(second.held, Checkpoint(key, b"1", "f", kind))])
        await store.record_step_result([failed(second)], self.lease)
        edited = {1: inline("edited")}
        forks = [forked(grant, 2, keeps=True), forked(grant, 2), forked(grant, 2, keeps=True, outputs=edited)]

        for fork in forks:
            await store.record_fork(fork)

        found: list[set[str]] = []
        for fork in forks:
            twin = fork.start.twin
            step = StepEpoch(twin.key.workflow_id, twin.step_id, twin.direction, 1)
            found.append(set(await store.load_checkpoints(step)))
        assert found == [{"prompt", "a"}, set(), {"a"}]
        granted = await store.claim(WORKER, Due(["print"]), 3, self.lease)
        assert {one.key: (one.fence, one.attempt, one.epoch) for one in granted} == {
            fork.start.twin.key: (2 if kept else 1, 1, 1 if kept else 0)
            for fork, kept in zip(forks, found, strict=True)
        }
        assert [step.calls for step in (await store.get_run(forks[0].start.workflow_id)).steps if step.calls]

    async def test_a_fork_of_what_is_not_there_writes_nothing(self, store: Store) -> None:
        grant = await self.begin(store, "draft", "print")
        fork = replace(forked(grant, 1), source=uuid4())

        with pytest.raises(UnknownRun):
            await store.record_fork(fork)

        with pytest.raises(UnknownRun):
            await store.get_run(fork.start.workflow_id)


def forked(grant: Grant, position: int, **more: Any) -> Fork:
    """Return a fork of the granted run from a position, which is the step of that number."""
    message = CODEC.open(grant.body).message
    names = [entry.label for entry in message.routing_slip.itinerary][position - 1 :]
    start = new_run(*names)
    first = CODEC.open(start.twin.body).message
    moved = replace(first, headers=replace(first.headers, position=position))
    return Fork(grant.key.workflow_id, replace(start, twin=Twin.of(moved, CODEC.seal(moved))), **more)
