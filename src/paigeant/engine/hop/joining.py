"""Joining: what a node reads of its branches, or its child, which have ended, before it is left."""

from __future__ import annotations

from paigeant.engine.custody.keys import meet_signers, signatures_of
from paigeant.engine.flow.children import node_of
from paigeant.engine.flow.conditions import asked_for, see
from paigeant.engine.flow.fan import all_branches, fan_of
from paigeant.engine.grants import load_deeds
from paigeant.engine.hop.results import Execution
from paigeant.engine.runtime import Runtime
from paigeant.model.entries.entry import FLOW
from paigeant.model.fan.outcomes import FannedOut
from paigeant.model.hops import Leased
from paigeant.model.message import HopKey
from paigeant.routing import Seen


def sees_nothing(runtime: Runtime, leased: Leased, execution: Execution) -> bool:
    """Tell whether :func:`see_ahead` has nothing to read, as behind most steps."""
    signed_node = runtime.codec.signs and leased.message.topic == FLOW
    return not signed_node and not asked_for(leased, execution.outcome)


async def see_ahead(runtime: Runtime, leased: Leased, execution: Execution) -> Seen:
    """Return what the conditions of what follows ask for.

    Branches, or a child, are held against what was signed of them. Raises TamperedMessage, UnknownKey and Unavailable.
    """
    if runtime.codec.signs and leased.message.topic == FLOW and not isinstance(execution.outcome, FannedOut):
        node = node_of(leased)
        await (_judge_branches(runtime, leased) if node is None else _judge_child(runtime, leased, node))
    return await see(runtime.store, leased, execution.outcome, execution.blobs)


async def _judge_branches(runtime: Runtime, leased: Leased) -> None:
    if fan_of(leased) is None or await runtime.store.load_join(leased.grant.key) is None:
        return
    ended = [one async for one in all_branches(runtime.store, leased.grant.key)]
    records = await runtime.store.load_records(leased.grant.key.workflow_id)
    await meet_signers(runtime, signatures_of(records))
    runtime.codec.judge_branches(leased, records, ended)


async def _judge_child(runtime: Runtime, leased: Leased, node: HopKey) -> None:
    """Hold a child that has ended against what was signed of it, and of what people did to it."""
    child = (await runtime.store.load_family(node)).child
    if child is None or child.ended is None or leased.head is None:
        return
    run, store = leased.message.headers.run, runtime.store
    deeds = [*await load_deeds(runtime, run), *await store.load_deeds(child.workflow_id)]
    records = await store.load_records(child.workflow_id)
    await meet_signers(runtime, signatures_of(records, deeds))
    runtime.codec.judge_child(node, child, records, deeds)
