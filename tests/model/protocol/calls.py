"""What a step does that records its calls: it finds what is recorded, makes the next call, and records that.

It reads what there is once, as it begins: nobody else writes under its lease.
"""

from __future__ import annotations

from tests.model.protocol import store
from tests.model.protocol.nouns import EMPTY
from tests.model.protocol.working import Moves, Worker, put, spend


def calls(one: Worker) -> Moves:
    """Yield what a running step may do next about its calls; nothing once it has them all."""
    hand, grant, world = one.hand, one.grant, one.world
    if hand.calls >= one.step.calls or one.hop.back:
        return
    if hand.calls < hand.known:
        yield one.act("replays", world, hand._replace(calls=hand.calls + 1))
    elif not hand.made:
        run = store.reserve(one.run, grant, hand.calls, one.setting)
        yield one.act("calls", put(world, grant.run, run), hand._replace(made=True))
    else:
        run, alive = store.record(one.run, grant, hand.calls)
        after = put(world, grant.run, run)
        if not alive:
            yield one.act("records in vain", after, EMPTY)
            return
        yield one.act("records", after, hand._replace(made=False, calls=hand.calls + 1))
        if world.left.silence:
            yield one.act("records", spend(after, "silence"), hand, lost=True)
