"""A run that is recorded is dispatched, whatever the broker says."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant, RunStatus, Step, Workflow
from paigeant.config import Settings
from paigeant.engine.dispatcher import DispatchOptions, dispatch
from paigeant.errors import InvalidInput
from paigeant.model.entries.switch import Switch
from paigeant.model.hops import Sealed
from paigeant.model.plan import Plan
from paigeant.testing.waiting import eventually
from paigeant.transports.memory import MemoryTransport


class Moody(MemoryTransport):
    """A broker that is away for its first calls."""

    def __init__(self, away: int) -> None:
        super().__init__()
        self.away = away
        self.asked = 0

    async def publish(self, topic: str, message: Any) -> None:
        self._ask()
        await super().publish(topic, message)

    async def depth(self, topic: str) -> int:
        self._ask()
        return await super().depth(topic)

    def _ask(self) -> None:
        self.asked += 1
        if self.asked <= self.away:
            raise OSError("the broker is away")


async def test_a_failed_announcement_is_reported_and_the_sweeper_makes_it_again(bench: Any):
    bench.transport = Moody(1)

    @bench.registry.execute
    async def step() -> str:
        return "done"

    run = await bench.start("step")
    assert (await bench.view(run)).status is RunStatus.PENDING
    assert any("the broker is away" in trouble for trouble in bench.hooks.troubles())

    await bench.serve()
    assert (await bench.until(run)).output == "done"


class Gate(MemoryTransport):
    """A broker that takes nothing until so many messages have come at the same time."""

    def __init__(self, count: int) -> None:
        super().__init__()
        self._barrier = asyncio.Barrier(count)

    async def publish(self, topic: str, message: Any) -> None:
        async with self._barrier:
            await super().publish(topic, message)


async def test_runs_that_are_dispatched_together_are_announced_together(bench: Any):
    bench.transport = Gate(20)
    plan = Plan(name="w", itinerary=(Step("step", elsewhere=True),))
    async with asyncio.timeout(2):
        await dispatch(bench.runtime(), plan, [b"null"] * 20, DispatchOptions())
    assert await bench.transport.depth("step") == 20
    assert bench.hooks.troubles() == []


async def test_what_was_not_announced_is_announced_together(bench: Any):
    plan = Plan(name="w", itinerary=(Step("step", elsewhere=True),))
    await dispatch(bench.runtime(), plan, [b"null"] * 20, DispatchOptions())

    @bench.registry.execute
    async def other() -> None: ...

    bench.transport = Gate(20)
    await bench.serve()

    async def announced() -> bool:
        return await bench.transport.depth("step") == 20

    await eventually(announced, within=6)


async def test_a_broker_that_is_away_uses_up_no_announcements(bench: Any):
    transport = bench.transport = Moody(6)

    @bench.registry.execute
    async def step() -> None: ...

    @bench.registry.execute
    async def other() -> None: ...

    await bench.start("step")
    await bench.serve(topics=("other",))

    async def is_back() -> bool:
        return transport.asked > transport.away

    await eventually(is_back, within=20)
    announced = [call for call in bench.hooks.troubles() if "announcing" in call]
    assert len(announced) >= transport.away - 1
    [hop] = bench.steady._rows.twins.values()
    assert hop.hints <= 2


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"dispatch_key": ""}, "dispatch key"),
        ({"dispatch_key": "k" * 256}, "1 to 255 characters"),
        ({"dispatch_key": "a\0b"}, "control character"),
        ({"tenant": "\ud800"}, "tenant"),
        ({"deadline": timedelta()}, "more than nothing"),
        ({"deadline": timedelta(days=4000)}, "at most 3660 days"),
        ({"deadline": timedelta.max}, "at most 3660 days"),
    ],
)
async def test_options_that_no_store_could_keep_are_refused(bench: Any, options: dict[str, Any], said: str):
    with pytest.raises(InvalidInput, match=said):
        await bench.start("step", **options)


async def test_labels_may_be_in_any_language(bench: Any):
    @bench.registry.execute
    async def step() -> None: ...

    run = await bench.start("step", dispatch_key="Auftrag №7 / Köln 🚀", tenant="k" * 255)

    assert (await bench.view(run)).dispatch_key == "Auftrag №7 / Köln 🚀"


async def test_a_condition_that_cannot_be_read_is_refused(bench: Any):
    @bench.registry.execute
    async def step() -> str:
        return "done"

    plan = Plan(name="w", itinerary=(Switch({"true": [Step("step", when="x >")]}),))

    with pytest.raises(InvalidInput, match="workflow 'w': the condition 'x >' is wrong in column 4"):
        await dispatch(bench.runtime(), plan, [b"{}"], DispatchOptions())


async def test_a_broker_that_takes_nothing_holds_no_dispatch_up(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("paigeant.engine.publisher.SOON", 0.05)
    registry, alarm = ActivityRegistry(), asyncio.Event()
    registry.execute("one")(lambda: 1)
    settings = Settings(store="memory://", transport="memory://")
    async with Paigeant(registry, workflows=[Workflow("w", ["one"])], settings=settings) as app:
        assert app.runtime.transport is not None
        transport, taken = app.runtime.transport, list[str]()

        async def publish(topic: str, message: Sealed) -> None:
            await alarm.wait()
            taken.append(f"{topic} {message.message_id}")

        monkeypatch.setattr(transport, "publish", publish)
        run = await app.dispatch("w", {})

        assert (taken, await run.status()) == ([], RunStatus.PENDING)
        alarm.set()

        async def has_it() -> bool:
            return len(taken) == 1

        await eventually(has_it)
