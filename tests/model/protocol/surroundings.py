"""What happens to workers, store and broker: time passes, messages are lost, people intervene; and the sweeper."""

from __future__ import annotations

from collections.abc import Iterator

from paigeant.model.runs import RESUMABLE
from paigeant.model.stored.signals import Receipt
from tests.model.protocol import store
from tests.model.protocol.calls import calls
from tests.model.protocol.nouns import NO_ONE, Action, Due, Grant, Hop, Run, Sending, Setting, Stage, World
from tests.model.protocol.working import Moves, Worker, crash, put, spend, twins

COPIES = 2
"""Of one message, at most so many on their way at a time."""


def moves(world: World, setting: Setting) -> Moves:
    """Yield all that may happen next, each with the world after it."""
    for worker, hands in enumerate(world.workers):
        for place in range(len(hands)):
            one = Worker(world, setting, worker, place)
            yield from one.moves()
            if one.hand.stage is Stage.RUNNING:
                yield from calls(one)
        if world.left.crash and _may_die(world, setting, worker):
            yield from crash(spend(world, "crash"), setting, worker)
    yield from time(world, setting)
    if setting.broker:
        yield from broker(world, setting)
    yield from people(world, setting)
    yield from _late_senders(world)


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
                yield (
                    Action("is asked to be cancelled", run=number, cancel_request=cancel_request),
                    spend(after, "cancel"),
                )
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
        yield from _senders(world, number, run, setting)


def _senders(world: World, number: int, run: Run, setting: Setting) -> Moves:
    """Somebody sends the run a signal, or sends one again."""
    if world.left.signal:
        yield from _send(spend(world, "signal"), number, world.left.signal, setting)
    if world.left.again:
        for signal in run.signals:
            yield from _send(spend(world, "again"), number, signal.id, setting)


def _send(world: World, number: int, signal_id: int, setting: Setting) -> Moves:
    run = world.runs[number]
    if "lock of a signal" in setting.without:
        receipt, position = store.receive(run, signal_id)
        if receipt in {Receipt.MET, Receipt.KEPT}:
            after = world._replace(sending=(*world.sending, Sending(number, signal_id, position)))
            yield Action("has its waits read", run=number, signal=signal_id), after
        return
    signalled, _ = store.send(run, signal_id)
    yield Action("is signalled", run=number, signal=signal_id), put(world, number, signalled)


def _late_senders(world: World) -> Moves:
    """Without the lock: what a sender has read is written as it was then."""
    for sending in world.sending:
        run = world.runs[sending.run]
        receipt = Receipt.KEPT if sending.position is None else Receipt.MET
        after = put(world, sending.run, store.write_signal(run, sending.id, receipt, sending.position))
        left = tuple(other for other in world.sending if other != sending)
        yield Action("is signalled", run=sending.run, signal=sending.id), after._replace(sending=left)
