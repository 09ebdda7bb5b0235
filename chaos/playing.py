"""Playing the faults: each is one function of the stage, and returns when what it did is over."""

from __future__ import annotations

import asyncio
import signal
from time import monotonic
from typing import Final, assert_never

from chaos.crew import Hand
from chaos.dispatcher import dispatch
from chaos.faults import Cut, Emptied, Fault, Forged, PointKill, RandomKill, ServerFault, Zombie
from chaos.forging import forge
from chaos.load import CLERK, STEPS
from chaos.points import Point
from chaos.proxy import BOTH, Way
from chaos.stage import Stage

_REACHED_WITHIN: Final = 15.0
"""Seconds that a point may take to be reached, before another tries."""

_TRIES: Final = 6

_WHOLESOME: Final = (*STEPS, CLERK)
"""All that kills nobody."""

_POINT_WITHIN: Final = 120.0
"""Seconds that all tries may take where the plan covers every point; a quarter of it elsewhere."""


async def play(stage: Stage, fault: Fault) -> None:
    """Let it happen."""
    stage.say(str(fault))
    match fault:
        case PointKill(point):
            await _die_at(stage, point)
        case RandomKill(after, forgetful):
            victim = stage.victim(forgetful=forgetful)
            await stage.at_work(victim)
            await asyncio.sleep(after)
            stage.done["random kills"] += 1
            await victim.kill()
        case Zombie(leases, at):
            await _pause(stage, leases, at)
        case ServerFault(server, how, seconds):
            await _hurt(stage, server, how, seconds)
        case Emptied():
            await _empty(stage)
        case Forged():
            stage.done["forged messages"] += await forge(stage.backend)
        case Cut(server, how, seconds):
            await _cut(stage, server, how, seconds)
        case _:
            assert_never(fault)


async def _die_at(stage: Stage, point: Point) -> None:
    """Have a process die at this point; if it dies of something else, or never gets there, another is sent.

    It takes no poison. One that does not even start, because a server is away, is no try.
    """
    tries, end = 0, monotonic() + (_POINT_WITHIN if stage.plan.covers else _POINT_WITHIN / 4)
    while tries < _TRIES and monotonic() < end:
        at = stage.chance.randint(1, point.within)
        hand = await _send(stage, point, at)
        reached = await stage.fell(hand, point.name, _REACHED_WITHIN)
        await hand.ended(5.0 if reached else 0.0)
        if (hand.process.exitcode or 0) > 0:
            await asyncio.sleep(0.3)
            continue
        tries += 1
        if not reached:
            stage.done["other kills"] += 1
        await hand.kill()
        if reached and hand.process.exitcode == -signal.SIGKILL:
            stage.done[f"at {point.name}"] += 1
            return
    stage.say(f"  nobody got to {point.name} in {tries} tries")


async def _send(stage: Stage, point: Point, at: int) -> Hand:
    match point.who:
        case "dispatcher":
            before, stage.dispatcher = stage.dispatcher, stage.crew.hire(dispatch, armed=point.name, at=at)
            before.send(signal.SIGTERM)
            await before.ended(10)
            return stage.dispatcher
        case "stopping":
            hand = stage.victim(armed=point.name, at=at)
            await stage.at_work(hand)
            await asyncio.sleep(stage.chance.random() * 0.5)
            hand.send(signal.SIGTERM)
            return hand
        case "heir":
            left = stage.victim()
            hand = stage.victim(armed=point.name, at=at)
            await stage.at_work(left)
            await stage.at_work(hand)
            stage.done["other kills"] += 1
            await left.kill()
            return hand
    return stage.victim(topics=_WHOLESOME, armed=point.name, at=at)


async def _pause(stage: Stage, leases: float, point: Point | None) -> None:
    """Stop a worker past its lease while another does its work, and let it go on.

    It is the steady one, wherever it is, or one that stops itself at a point with a single hop.
    """
    seconds = leases * stage.plan.lease
    if point is None:
        other, zombie = stage.victim(), stage.steady
        await stage.at_work(other)
        zombie.send(signal.SIGSTOP)
        await asyncio.sleep(seconds)
    else:
        zombie = stage.victim(topics=_WHOLESOME, armed=point.name, at=1, pauses=True, concurrency=1)
        reached = await stage.fell(zombie, point.name, _REACHED_WITHIN)
        other = stage.victim(topics=_WHOLESOME) if reached else zombie
        if reached:
            await _until_taken_over(stage, zombie, point, seconds)
        else:
            stage.say(f"  nobody got to {point.name}")
    stage.done["zombies"] += 1
    zombie.send(signal.SIGCONT)
    await asyncio.sleep(0.5)
    for hand in dict.fromkeys((other,) if zombie is stage.steady else (zombie, other)):
        hand.send(signal.SIGTERM)
        if not await hand.ended(15):
            await hand.kill()


async def _until_taken_over(stage: Stage, zombie: Hand, point: Point, seconds: float) -> None:
    """Wait until somebody else has what this worker had when it stopped; if it had nothing, so many seconds.

    The others may have no slot free: somebody was hired who has, and gets time to start.
    """
    mine = {hop.key for hop in await stage.backend.reader.hops() if hop.open and hop.owner and hop.pid == zombie.pid}
    end = monotonic() + (seconds + _REACHED_WITHIN if mine else seconds)
    while monotonic() < end:
        theirs = [hop for hop in await stage.backend.reader.hops() if hop.key in mine and hop.pid != zombie.pid]
        if theirs:
            stage.done[f"taken over, {point.name}"] += any(hop.open for hop in theirs)
            return
        await asyncio.sleep(0.02)


async def _hurt(stage: Stage, name: str, how: str, seconds: float) -> None:
    [server] = [server for server in stage.backend.servers if server.name == name]
    stage.done[f"{name} {how}"] += 1
    if how == "freeze":
        server.freeze()
        await asyncio.sleep(stage.plan.lease * 1.2 + seconds)
        server.thaw()
        return
    if how == "demote":
        await server.demote()
        await asyncio.sleep(seconds)
        await server.promote()
        return
    await (server.kill() if how == "kill" else server.stop())
    await asyncio.sleep(seconds)
    began = monotonic()
    await server.start()
    stage.say(f"  {name} is there again after {monotonic() - began:.1f} s")


async def _empty(stage: Stage) -> None:
    broker = stage.backend.broker
    if broker is not None:
        stage.done["broker emptied"] += 1
        await broker.empty()


async def _cut(stage: Stage, server: str, how: str, seconds: float) -> None:
    proxy = stage.backend.proxies[server]
    stage.done["cuts"] += 1
    match how:
        case "reset":
            proxy.cut()
        case "lose-replies":
            proxy.losing = 3
            await asyncio.sleep(seconds)
            proxy.losing = 0
        case "refuse":
            proxy.refusing = True
            proxy.cut()
            await asyncio.sleep(seconds)
            proxy.refusing = False
        case "latency":
            proxy.latency = 0.05
            await asyncio.sleep(seconds)
            proxy.latency = 0.0
        case _:
            proxy.hold({"hold-up": {Way.UP}, "hold-down": {Way.DOWN}}.get(how, BOTH))
            await asyncio.sleep(seconds)
            if stage.chance.random() < 0.5:  # a route that comes back, or one whose connections are lost
                proxy.cut()
            proxy.release()
