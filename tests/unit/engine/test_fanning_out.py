"""A node begins its branches, reads what they need once, and goes on however many of them are judged at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from paigeant import ForEach, Parallel, RunStatus, Step, Terminal
from paigeant.engine.dispatcher import DispatchOptions, dispatch
from paigeant.errors import InvalidInput
from paigeant.model.custody.records import RecordKind
from paigeant.model.hops import Sealed
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.plan import Plan
from paigeant.security.custody.chain import Chains
from paigeant.security.plain import PlainCodec
from paigeant.security.signed import SignedCodec
from paigeant.stores.memory import MemoryStore
from paigeant.testing.builders import new_run


class Narrow(PlainCodec):
    """A codec to which the message of one branch is too large."""

    def seal(self, message: PaigeantMessage) -> Sealed:
        if message.headers.path == "1.4":
            raise InvalidInput("the message is too large")
        return super().seal(message)


async def test_if_no_more_branches_can_begin_those_that_have_are_undone(bench: Any, monkeypatch: pytest.MonkeyPatch):
    for module in ("paigeant.routing.fan.branches", "paigeant.engine.flow.fan"):
        monkeypatch.setattr(f"{module}.SUPPLY", 3)
    done, undone = set[int](), set[int]()

    @bench.registry.execute
    async def step(item: int) -> int:
        await asyncio.sleep(0.05)
        done.add(item)
        return item

    @bench.registry.compensate("step")
    async def undo(log: int) -> None:
        undone.add(log)

    bench.codec = Narrow()
    start = new_run(ForEach("item", in_="items", step="step", max_concurrency=2), payload={"items": [*range(6)]})
    await bench.steady.record_workflow_start([start])
    await bench.serve()

    view = await bench.until(start.workflow_id)

    assert (view.status, view.error.message) == (RunStatus.COMPENSATED, "the message is too large")
    assert undone == done >= {0, 1}


async def test_a_list_is_read_once_however_often_its_node_is_supplied(bench: Any, monkeypatch: pytest.MonkeyPatch):
    for module in ("paigeant.routing.fan.branches", "paigeant.engine.flow.fan"):
        monkeypatch.setattr(f"{module}.SUPPLY", 3)
    seen = set[str]()

    @bench.registry.execute
    async def step(item: str) -> None:
        seen.add(item)

    items = [f"{n:02}".ljust(1_000) for n in range(30)]
    each = ForEach("item", in_="items", step="step", max_concurrency=2, collect=False)
    payload: Any = {"items": items}
    start = new_run(each, payload=payload)
    await bench.steady.record_workflow_start([start])
    await bench.serve()

    view = await bench.until(start.workflow_id)

    assert (view.status, view.output, seen) == (RunStatus.COMPLETED, 30, set(items))
    assert bench.store.calls["load_values"] == 2, "the input, as it begins, and its list, as more begin"


async def test_a_signed_branch_waits_for_a_message_while_others_are_judged(bench: Any, monkeypatch: pytest.MonkeyPatch):
    """What is learned of others while it waits is held against their messages too, and not against none."""
    read = MemoryStore.get_message

    async def read_slowly(store: MemoryStore, key: HopKey) -> bytes | None:
        await asyncio.sleep(0.05 if key.path == "1.0" else 0)
        return await read(store, key)

    @bench.registry.execute
    async def step(item: int) -> int:
        return item

    bench.codec = SignedCodec()
    each = ForEach("item", in_="items", step="step")
    monkeypatch.setattr(MemoryStore, "get_message", read_slowly)
    await bench.serve()

    plan = Plan(name="w", itinerary=(Parallel(one=[each], other=[each]),))
    [started] = await dispatch(bench.runtime(), plan, [b'{"items": [1, 2, 3]}'], DispatchOptions())
    view = await bench.until(started.workflow_id)

    assert view.status is RunStatus.COMPLETED, bench.hooks.troubles()


async def test_what_a_node_was_judged_by_is_not_forgotten_for_other_runs_before_it_is_left(bench: Any):
    @bench.registry.execute
    async def step(item: int) -> int:
        return item

    @bench.registry.execute
    async def add(steps: list[int]) -> int:
        return sum(steps)

    bench.codec = SignedCodec()
    bench.codec._chains = Chains(records=5)
    await bench.serve()

    plan = Plan(name="w", itinerary=(ForEach("item", in_="items", step="step", name="steps"), Step("add")))
    inputs = [b'{"items": [1, 2, 3]}'] * 8
    for started in await dispatch(bench.runtime(), plan, inputs, DispatchOptions()):
        view = await bench.until(started.workflow_id)
        kinds = [each.record.kind for each in await bench.steady.load_records(started.workflow_id)]

        assert view.output == 6, bench.hooks.troubles()
        assert RecordKind.JOIN in kinds


async def test_a_worker_that_has_seen_nothing_of_a_run_undoes_a_branch_within_a_branch(bench: Any):
    undone = list[int]()

    @bench.registry.execute
    async def step(item: int) -> int:
        return item

    @bench.registry.compensate("step")
    async def undo(log: int) -> None:
        bench.codec._chains = Chains()  # who goes on is another process
        undone.append(log)

    @bench.registry.execute
    async def fail() -> None:
        raise Terminal("no")

    bench.codec = SignedCodec()
    await bench.serve(concurrency=1)

    each = ForEach("item", in_="items", step="step")
    plan = Plan(name="w", itinerary=(Parallel(one=[each], other=[each]), Step("fail")))
    [started] = await dispatch(bench.runtime(), plan, [b'{"items": [1, 2]}'], DispatchOptions())
    view = await bench.until(started.workflow_id)

    assert (view.status, sorted(undone)) == (RunStatus.COMPENSATED, [1, 1, 2, 2]), bench.hooks.troubles()
