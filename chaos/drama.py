"""A drama from its first act to the verdict: load and faults together, then calm, then the books are read."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from time import monotonic
from typing import Final

from chaos.backends import Backend, running
from chaos.endpoint import Bill
from chaos.faults import Fault, RandomKill, worker_lane, world_lane
from chaos.history import History
from chaos.invariants import Breach, breaches, recovery, repeats
from chaos.orders import Orders
from chaos.plan import Plan
from chaos.playing import play
from chaos.points import POINTS
from chaos.servers.server import free_port
from chaos.stage import Stage

_WORKED_OFF: Final = 60.0
"""Seconds until the last fault comes, whatever is left of the load."""

_DRAINED: Final = 45.0
"""Seconds until what the dead had received is taken over: Redis hands it on after thirty."""


@dataclass
class Result:
    """What came of a drama, as data for a table."""

    backend: str
    plan: str
    seed: int
    mutation: str | None = None
    at: str = ""
    version: str = ""
    seconds: float = 0.0
    runs: int = 0
    hops: int = 0
    executions: int = 0
    repeated: int = 0
    recovery: float = 0.0
    done: dict[str, int] = field(default_factory=dict[str, int])
    breaches: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    stories: list[str] = field(default_factory=list[str])
    """The histories of runs in which something broke; some of them."""


@dataclass(frozen=True)
class Script:
    """What is to be played: on which backend, how much, and with which chance."""

    backend: str
    plan_name: str
    plan: Plan
    seed: int
    mutation: str | None = None
    lanes: int = 1
    keep: bool = False
    patience: float = 120.0
    """Seconds that the last runs may take: more than I12 allows, so that it can say by how much."""


async def perform(script: Script, say: Callable[[str], None]) -> Result:
    """Play it in a temporary folder, and return what came of it."""
    folder = Path(tempfile.mkdtemp(prefix="paigeant-chaos-"))
    folder.chmod(0o755)  # a server may run as another user
    say(f"{script.backend}: seed {script.seed}, {script.plan}, in {folder}")
    began = monotonic()
    try:
        async with running(script.backend, folder) as backend:
            result = await _play(script, backend, folder, say)
    finally:
        if not script.keep:
            shutil.rmtree(folder, ignore_errors=True)
    result.seconds = round(monotonic() - began, 1)
    result.at = datetime.now(UTC).isoformat(timespec="seconds")
    result.version = _version()
    return result


async def _play(script: Script, backend: Backend, folder: Path, say: Callable[[str], None]) -> Result:
    plan = script.plan
    orders = Orders(
        *("", folder, backend.store, backend.transport, plan.lease, script.seed),
        mutation=script.mutation,
        ended=plan.ended,
        slow=plan.slow,
        plain=plan.plain,
        poison_every=max(1, plan.runs // plan.poison) if plan.poison else 0,
        endpoint=free_port(),
    )
    stage = Stage(backend, plan, orders, say)
    try:
        found = await _acts(script, stage)
        history = await _read(stage)
        found += breaches(history)
        found += _coverage(script, backend, stage)
    finally:
        stage.crew.kill_all()
    return _result(script, stage, history, found)


async def _acts(script: Script, stage: Stage) -> list[Breach]:
    """Play all faults under load; returns what broke meanwhile."""
    chance = Random(script.seed)
    lanes = [worker_lane(stage.plan, stage.backend, chance), world_lane(stage.plan, stage.backend, chance)]
    going_on = asyncio.create_task(stage.go_on())
    try:
        await stage.open()
        await _lanes(stage, lanes if script.lanes > 1 else [_merged(lanes, chance)])
        return await _calm(stage, script.patience)
    except TimeoutError as error:
        return [Breach("I1", f"it is stuck: {error}")]
    finally:
        stage.over = True
        await asyncio.gather(going_on, return_exceptions=True)


def _merged(lanes: Sequence[Sequence[Fault]], chance: Random) -> list[Fault]:
    merged = [fault for lane in lanes for fault in lane]
    chance.shuffle(merged)
    return merged


async def _lanes(stage: Stage, lanes: Sequence[Sequence[Fault]]) -> None:
    """Play lanes side by side, each fault after the one before."""
    total, behind = sum(map(len, lanes)), 0

    async def lane(faults: Sequence[Fault]) -> None:
        nonlocal behind
        for fault in faults:
            await play(stage, fault)
            behind += 1
            stage.progress = min(behind / total, 0.999)
            stage.take_stock()

    async with asyncio.TaskGroup() as group:
        for faults in lanes:
            group.create_task(lane(faults))
    stage.progress = 1.0


async def _calm(stage: Stage, patience: float) -> list[Breach]:
    """Let the load end, kill once more, and wait until nothing is under way; returns whether that took too long."""

    async def dispatched() -> bool:
        return len(stage.ledger.sure()) >= stage.plan.runs

    async def worked_off() -> bool:
        return (await stage.backend.reader.progress())[2] <= stage.plan.window // 4

    async def ended() -> bool:
        runs, _, under_way = await stage.backend.reader.progress()
        return under_way == 0 and runs >= stage.ledger.wanted() == len(stage.ledger.sure())

    async def nothing_left() -> bool:
        return not any(hop.open and not hop.parked for hop in await stage.backend.reader.hops())

    found: list[Breach] = []
    await stage.until(dispatched, 600, "the load to be dispatched")
    with suppress(TimeoutError):  # what the backlog takes says nothing of how soon the last fault is overcome
        await stage.until(worked_off, _WORKED_OFF, "the load to be worked off")
    drinker = asyncio.create_task(_drink(stage))
    try:
        await play(stage, RandomKill(0.3, 0.0))
        stage.last_fault = monotonic()
        with suppress(TimeoutError):
            await stage.until(ended, patience, "the last runs to end")
        stage.recovery = monotonic() - stage.last_fault
        stage.say(f"recovered in {stage.recovery:.1f} s")
        found += recovery(stage.recovery, stage.plan.lease)
        with suppress(TimeoutError):
            await stage.until(nothing_left, patience, "poison to be set aside")
    finally:
        drinker.cancel()
        await asyncio.gather(drinker, return_exceptions=True)
    return found


async def _drink(stage: Stage) -> None:
    """Keep a worker there that takes poison too. When it dies of it, that is the last fault so far.

    It has few slots: whatever dies beside poison twice is a suspect, and suspects are executed one at a time.
    """
    while True:
        victim = stage.victim(concurrency=4)
        while victim.alive:
            await asyncio.sleep(0.1)
        stage.last_fault = monotonic()
        stage.say("  poison was taken")


async def _read(stage: Stage) -> History:
    """Wait until the broker is empty, dismiss everybody, and read the books."""
    broker, reader = stage.backend.broker, stage.backend.reader

    async def drained() -> bool:
        return broker is None or not await broker.left()

    async def alone() -> bool:
        return await reader.connections() == 0

    with suppress(TimeoutError):
        await stage.until(drained, _DRAINED, "the broker to be empty")
    await asyncio.sleep(1)
    leaks = ["the steady worker, which nobody killed, is dead"]
    if stage.steady.alive:
        leaks = stage.leaks(stage.holdings_before, stage.steady.holdings())
        stage.say(f"held before and after: {stage.holdings_before} {stage.steady.holdings()}")
    leaks += await stage.crew.dismiss()
    left = {} if broker is None else await broker.left()
    try:
        await stage.until(alone, 10, "connections to end")
    except TimeoutError:
        leaks.append(f"{await reader.connections()} connections are left at the server")
    history = await reader.history()
    history.effects, history.tools = stage.orders.effects.read(), stage.orders.tools.read()
    history.bill = Bill(stage.orders.folder / "bill.log").read()
    history.dispatched, history.signalled = stage.ledger.sure(), stage.ledger.signalled()
    history.when_terminated = stage.when_terminated
    history.left, history.leaks = left, leaks
    stage.done["poisoned"] = sum(1 for effect in history.effects if effect.step == "poison")
    history.interruptions = sum(stage.done.values()) + len(stage.crew.hands)
    history.concurrency = stage.orders.concurrency
    return history


def _coverage(script: Script, backend: Backend, stage: Stage) -> list[Breach]:
    """Every crash point that there is was hit as often as planned, or the drama has proved less than it says.

    It is always said; where the plan ``covers`` all points, it is a breach.
    """
    hits = {point.name: stage.done[f"at {point.name}"] for point in POINTS if backend.has(point.where)}
    rare = [
        f"{name} was hit {count} times, not {script.plan.hits}"
        for name, count in hits.items()
        if count < script.plan.hits
    ]
    for text in rare:
        stage.say(text)
    return [Breach("coverage", text) for text in rare] if script.plan.covers else []


def _result(script: Script, stage: Stage, history: History, found: list[Breach]) -> Result:
    broken = dict.fromkeys(breach.run for breach in found if breach.run is not None)
    return Result(
        *(script.backend, script.plan_name, script.seed, script.mutation),
        runs=len(history.runs),
        hops=len(history.hops),
        executions=len(history.effects),
        repeated=repeats(history),
        recovery=round(stage.recovery, 1),
        done=dict(stage.done),
        breaches=[(breach.invariant, f"{breach.run or ''} {breach.text}".strip()) for breach in found],
        stories=[history.story_of(run) for run in list(broken)[:3]],
    )


def _version() -> str:
    git = shutil.which("git")
    here = Path(__file__).parent
    if git is None:
        return ""
    run = subprocess.run(
        [git, "describe", "--always", "--dirty"], cwd=here, capture_output=True, text=True, check=False
    )
    return run.stdout.strip() or os.environ.get("GIT_COMMIT", "")
