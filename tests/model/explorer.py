"""Walks through every world that can be reached, the nearest first, and checks each step on the way."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Final, NamedTuple

from tests.model.protocol.nouns import Hand, Run, World
from tests.model.protocol.promises import broken, settled
from tests.model.protocol.surroundings import moves


class Report(NamedTuple):
    """What was found: how many worlds and steps, and the shortest way to the first promise that does not hold."""

    worlds: int
    steps: int
    broken: str | None = None
    way: tuple[str, ...] = ()

    def __str__(self) -> str:
        what = f"{self.worlds:,} worlds, {self.steps:,} steps: {self.broken or 'all promises hold'}"
        return "\n".join([what, *(f"  {n:2} {line}" for n, line in enumerate(self.way, 1))])


class Rules(NamedTuple):
    """What may happen in worlds of one kind, what must be true, when all has ended, and which worlds are alike."""

    moves: Callable[[Any, Any], Iterable[tuple[Any, Any]]]
    broken: Callable[[Any, Any, Any], str | None]
    settled: Callable[[Any], bool]
    canonical: Callable[[Any], Any]


def explore(setting: Any, *, forgiven: str = "", limit: int = 500_000, rules: Rules | None = None) -> Report:
    """Visit every world; stop at the first broken promise but ``forgiven``, or where nothing leads to an end any more.

    An end must be reachable without the help of a fault: from everywhere all runs become final, or visibly parked.
    """
    rules = rules or TRUNK
    moves, broken, canonical = rules.moves, rules.broken, rules.canonical
    start = canonical(setting.start())
    numbers, came_from = {start: 0}, [(-1, start)]
    back: list[list[int]] = [[]]
    waiting, steps = deque([start]), 0
    while waiting:
        world = waiting.popleft()
        number = numbers[world]
        for _, found in moves(world, setting):
            steps += 1
            why = broken(world, found, setting)
            after = canonical(found)
            there = numbers.get(after)
            if there is None:
                there = numbers[after] = len(numbers)
                came_from.append((number, after))
                back.append([])
                waiting.append(after)
            if why is not None and why != forgiven:
                way = retrace(setting, [*_path(came_from, number), after], rules)
                return Report(len(numbers), steps, why, way)
            if found.left is world.left:
                back[there].append(number)
        if len(numbers) > limit:
            raise MemoryError(f"more than {limit} worlds: bound the faults of this setting")
    stuck = _stuck(numbers, back, rules.settled)
    if stuck is None:
        return Report(len(numbers), steps)
    return Report(len(numbers), steps, "a run is stuck", retrace(setting, _path(came_from, stuck), rules))


def _stuck(numbers: dict[Any, int], back: list[list[int]], settled: Callable[[Any], bool]) -> int | None:
    """Return the nearest world from which no end can be reached."""
    good = [settled(world) for world in numbers]
    waiting = [number for number, fine in enumerate(good) if fine]
    while waiting:
        for before in back[waiting.pop()]:
            if not good[before]:
                good[before] = True
                waiting.append(before)
    return next((number for number, fine in enumerate(good) if not fine), None)


def _path(came_from: list[tuple[int, Any]], number: int) -> list[Any]:
    path: list[Any] = []
    while number >= 0:
        number, world = came_from[number]
        path.append(world)
    return path[::-1]


def retrace(setting: Any, path: list[Any], rules: Rules | None = None) -> tuple[str, ...]:
    """Return what happened on a way through canonical worlds, with each worker keeping its name."""
    moves, _, _, canonical = rules or TRUNK
    world, lines = setting.start(), list[str]()
    for wanted in path[1:]:
        action, world = next((a, w) for a, w in moves(world, setting) if canonical(w) == wanted)
        lines.append(str(action))
    return tuple(lines)


def canonical(world: World) -> World:
    """Return one world for all that differ in nothing but the names of workers and hands and the order of messages."""
    workers = tuple(tuple(sorted(hands, key=_order)) if len(hands) > 1 else hands for hands in world.workers)
    messages = tuple(sorted(world.broker))
    keys = [(len(hands), [_order(hand) for hand in hands]) for hands in workers]
    if any(keys.count(key) > 1 for key in keys):  # alike in what they hold: what they own beside that tells them apart
        keys = [(*key, _owned(world, n)) for n, key in enumerate(keys)]
    names = sorted(range(len(workers)), key=keys.__getitem__)
    runs = world.runs
    if names != list(range(len(names))):
        runs = tuple(_renamed(run, {str(old): str(new) for new, old in enumerate(names)}) for run in runs)
        workers = tuple(workers[n] for n in names)
    return World(runs, workers, messages, world.left, world.sending)


def _order(hand: Hand) -> tuple[int, ...]:
    return (hand.stage,) if hand.grant is None else (hand.stage, *hand.grant[:5])


def _owned(world: World, worker: int) -> list[tuple[int, int]]:
    return [(n, p) for n, run in enumerate(world.runs) for p, hop in enumerate(run.hops) if hop.owner == str(worker)]


def _renamed(run: Run, names: dict[str, str]) -> Run:
    hops = (hop if hop.owner is None else hop._replace(owner=names.get(hop.owner, hop.owner)) for hop in run.hops)
    return run._replace(hops=tuple(hops))


TRUNK: Final = Rules(moves, broken, settled, canonical)
"""The worlds of runs without branches."""
