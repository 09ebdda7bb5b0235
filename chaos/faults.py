"""The faults, as a schedule that a seed decides: one lane for workers, one for servers and the net."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Final, TypeAlias

from chaos.backends import Backend
from chaos.plan import Plan
from chaos.points import POINTS, Point


@dataclass(frozen=True)
class PointKill:
    """A process dies at a crash point."""

    point: Point


@dataclass(frozen=True)
class RandomKill:
    """A worker is killed so many seconds after it was hired; it forgets some of the store's answers before."""

    after: float
    forgetful: float


@dataclass(frozen=True)
class Zombie:
    """A worker is stopped for longer than its lease, and goes on: somewhere, or ``at`` a crash point.

    Somewhere, it is the steady one, whose leases are given up before anything else happens. At a point it has one hop,
    and goes on once somebody else has that: whatever it wants of the store next comes late.
    """

    leases: float
    at: Point | None = None


@dataclass(frozen=True)
class ServerFault:
    """A server is killed, restarted in order, frozen, or demoted to one that takes no writes, for so many seconds."""

    server: str
    how: str
    seconds: float


@dataclass(frozen=True)
class Emptied:
    """The broker loses all that it holds."""


@dataclass(frozen=True)
class Forged:
    """Messages come from the broker that name hops to be done, and are not what the store recorded."""


@dataclass(frozen=True)
class Cut:
    """The way to a server is cut or made bad, for so many seconds."""

    server: str
    how: str
    seconds: float


Fault: TypeAlias = PointKill | RandomKill | Zombie | ServerFault | Emptied | Forged | Cut

_PAUSES: Final = tuple(
    point
    for name in ("finished-not-committed", "lease-in-doubt", "commit-in-doubt", "leased-not-begun")
    for point in POINTS
    if point.name == name
)
"""Where a worker is stopped, in turn."""

_GENTLER: Final = ("restart", "freeze")
_CUT: Final = ("reset", "hold", "hold-up", "hold-down", "lose-replies", "refuse", "latency")


def worker_lane(plan: Plan, backend: Backend, chance: Random) -> list[Fault]:
    """Return what happens to workers and dispatchers."""
    points = [point for point in POINTS if backend.has(point.where)]
    faults: list[Fault] = [PointKill(point) for point in points for _ in range(plan.hits)]
    faults += [RandomKill(chance.uniform(0.0, 0.8), chance.choice((0.0, 0.1))) for _ in range(plan.kills)]
    chance.shuffle(faults)
    return faults


def world_lane(plan: Plan, backend: Backend, chance: Random) -> list[Fault]:
    """Return what happens to servers, the net, and whole machines."""
    faults: list[Fault] = [
        Zombie(chance.uniform(1.2, 1.6), _PAUSES[n // 2 % len(_PAUSES)] if n % 2 == 0 else None)
        for n in range(plan.zombies)
    ]
    faults += [Zombie(chance.uniform(1.2, 1.6), _PAUSES[0]) for _ in range(plan.late)]
    for server in backend.servers:
        hows = ["kill"] * plan.server_kills + list(_GENTLER[: plan.server_kills])
        hows += ["demote"] * (plan.server_kills if server.can_be_demoted else 0)
        faults += [ServerFault(server.name, how, chance.uniform(0.0, 1.5)) for how in hows]
    for server, count in zip(backend.servers, _shares(plan.cuts, len(backend.servers)), strict=True):
        hows = chance.sample(_CUT, len(_CUT))
        faults += [Cut(server.name, hows[n % len(hows)], chance.uniform(0.3, 1.5 * plan.lease)) for n in range(count)]
    if backend.broker is not None:
        faults += [Emptied(), Forged()] * max(1, plan.server_kills)
    chance.shuffle(faults)
    return faults


def _shares(count: int, parts: int) -> list[int]:
    return [count // parts + (n < count % parts) for n in range(parts)] if parts else []
