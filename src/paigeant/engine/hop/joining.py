"""Joining: verification of ended branches, or of an ended child run, before a node is left."""

from __future__ import annotations

from paigeant.engine.custody.keys import meet_signers, signatures_of
from paigeant.engine.custody.plans import judge_plans
from paigeant.engine.flow.children import node_of
from paigeant.engine.flow.conditions import asked_for, see
from paigeant.engine.flow.fan import all_branches, fan_of
from paigeant.engine.grants import load_deeds
from paigeant.engine.hop.results import Execution
from paigeant.engine.runtime import Runtime
from paigeant.model.entries.entry import FLOW
from paigeant.model.entries.fan import Fan
from paigeant.model.fan.outcomes import AnyOutcome, FannedOut, Joined
from paigeant.model.hops import Leased
from paigeant.model.message import HopKey
from paigeant.protocol.proof import require_counted
from paigeant.routing.conditions import Seen
from paigeant.routing.fan.branches import counted


def sees_nothing(runtime: Runtime, leased: Leased, execution: Execution) -> bool:
    """True if :func:`see_ahead` has nothing to load, as after most steps."""
    signed_node = runtime.codec.signs and leased.message.topic == FLOW
    return not signed_node and not asked_for(leased, execution.outcome)


async def see_ahead(runtime: Runtime, leased: Leased, execution: Execution) -> Seen:
    """Return the values that the next conditions use.

    Branches, or a child run, are verified first. Raises TamperedMessage, UnknownKey and Unavailable.
    """
    if runtime.codec.signs and leased.message.topic == FLOW:
        node = node_of(leased)
        if node is None:
            await _judge_join(runtime, leased, execution.outcome)
        elif not isinstance(execution.outcome, FannedOut):
            await _judge_child(runtime, leased, node)
    return await see(runtime.store, leased, execution.outcome, execution.blobs)


async def _judge_join(runtime: Runtime, leased: Leased, outcome: AnyOutcome) -> None:
    """Verify the join of a node; once its branches have ended, also those."""
    codec, store, key = runtime.codec, runtime.store, leased.grant.key
    fan, join = fan_of(leased), await store.load_join(key)
    if fan is None or join is None:
        return
    has_ended = not isinstance(outcome, FannedOut)
    records = await store.load_records(key.workflow_id) if has_ended or not codec.knows_join(leased) else ()
    await meet_signers(runtime, signatures_of(records))
    codec.judge_join(leased, records, join.start)
    if not has_ended:
        return
    ended = [one async for one in all_branches(store, key)]
    codec.judge_branches(leased, records, ended)
    await judge_plans(runtime, leased)
    if isinstance(outcome, Joined) and isinstance(fan, Fan):
        require_counted(join, ended)
        if fan.publishes:
            own = [name for name in (fan.output_name, fan.errors_name) if name is not None]
            codec.judge_published(leased, [one.path for one in counted(join, ended)], outcome.variables, own)


async def _judge_child(runtime: Runtime, leased: Leased, node: HopKey) -> None:
    """Verify an ended child run with its records, and with the deeds to it."""
    child = (await runtime.store.load_family(node)).child
    if child is None or child.ended is None or leased.head is None:
        return
    run, store = leased.message.headers.run, runtime.store
    deeds = [*await load_deeds(runtime, run), *await store.load_deeds(child.workflow_id)]
    records = await store.load_records(child.workflow_id)
    await meet_signers(runtime, signatures_of(records, deeds))
    runtime.codec.judge_child(node, child, records, deeds)
