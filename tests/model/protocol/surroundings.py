"""What happens to workers, store and broker: time passes, messages are lost, people intervene; and the sweeper."""

from __future__ import annotations

from collections.abc import Iterator

from paigeant.model.runs import RESUMABLE
from tests.model.protocol import store
from tests.model.protocol.nouns import NO_ONE, Action, Due, Grant, Hop, Setting, Stage, World
from tests.model.protocol.working import Moves, Worker, crash, put, spend, twins

COPIES = 2
"""Of one message, at most so many on their way at a time."""


def moves(world: World, setting: Setting) -> Moves:
    """Yield all that may happen next, each with the world after it."""
    for worker, hands in enumerate(world.workers):
        for place in range(len(hands)):
            yield from Worker(world, setting, worker, place).moves()
        if world.left.crash and _may_die(world, setting, worker):
            yield from crash(spend(world, "crash"), setting, worker)
    yield from time(world, setting)
    if setting.broker:
        yield from broker(world, setting)
    yield from people(world, setting)


def _may_die(world: World, setting: Setting, worker: int) -> bool:
    """Any worker may die, unless there is a poisoned step: then only who runs that."""
    if not any(step.poison for step in setting.plan):
        return True
    running = (hand.grant for hand in world.workers[worker] if hand.stage is Stage.RUNNING and hand.grant is not None)
    return any(grant.run == 0 for grant in running)


def time(world: World, setting: Setting) -> Moves:
    """What is due later comes due. If its lease is in the hand of a living worker, that is one too slow: a fault."""
    for run, position, hop in twins(world):
        if hop.due is not Due.LATER:
            continue
        after = put(world, run, store.come_due(world.runs[run], position))
        if not any(_holds(grant, run, position, hop) for grant in _grants(world)):
            yield Action("comes due", run=run, position=position), after
        elif world.left.slow:
            yield Action("runs out", run=run, position=position), spend(after, "slow")


def _grants(world: World) -> Iterator[Grant]:
    return (hand.grant for hands in world.workers for hand in hands if hand.grant is not None)


def _holds(grant: Grant, run: int, position: int, hop: Hop) -> bool:
    return hop.owner is not None and (grant.run, grant.position, grant.lease) == (run, position, hop.leases)


def broker(world: World, setting: Setting) -> Moves:
    """The broker loses and doubles messages, in any order; the sweeper announces what is due."""
    for message in set(world.broker):
        if world.left.loss:
            left = list(world.broker)
            left.remove(message)
            yield Action("is lost", NO_ONE, 0, *message), spend(world._replace(broker=tuple(left)), "loss")
        if world.left.double and world.broker.count(message) < COPIES:
            yield Action("is doubled", NO_ONE, 0, *message), spend(_sent(world, message), "double")
    if "sweeper" in setting.without:
        return
    for run, position, hop in twins(world):
        if hop.due is Due.NOW and not hop.hidden and (run, position) not in world.broker:
            yield Action("is announced", run=run, position=position), _sent(world, (run, position))


def _sent(world: World, message: tuple[int, int]) -> World:
    return world._replace(broker=(*world.broker, message))


def people(world: World, setting: Setting) -> Moves:
    """A person cancels, terminates or resumes a run; or its deadline passes."""
    for number, run in enumerate(world.runs):
        if world.left.resume and run.status in RESUMABLE:
            yield Action("is resumed", run=number), spend(put(world, number, store.resume(run)), "resume")
        if run.status.final:
            continue
        if world.left.cancel:
            for cancel_request in setting.cancel_requests:
                after = put(world, number, store.request_cancel(run, cancel_request))
                yield Action("is wished cancelled", run=number, cancel_request=cancel_request), spend(after, "cancel")
        if world.left.terminate:
            yield (
                Action("is terminated", run=number),
                spend(put(world, number, store.terminate(run)), "terminate"),
            )
        if world.left.deadline and not run.late:
            yield (
                Action("is past its deadline", run=number),
                spend(put(world, number, run._replace(late=True)), "deadline"),
            )
