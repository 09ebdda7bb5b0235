"""Nodes: the data that each kind must load before its decision."""

from __future__ import annotations

from typing import TypeAlias

from paigeant.engine.flow.children import decide_child, node_of
from paigeant.engine.flow.fan import decide_fan, fan_of
from paigeant.engine.flow.lists import ItemLists
from paigeant.engine.runtime import Runtime
from paigeant.model.fan.outcomes import AnyOutcome
from paigeant.model.hops import Leased
from paigeant.model.values.values import Blob

Decided: TypeAlias = tuple[AnyOutcome, list[Blob]]


async def decide_others(runtime: Runtime, leased: Leased, lists: ItemLists | None = None) -> Decided | None:
    """Return the outcome of a node that waits for its branches or its child run; None for other nodes.

    A list that was read is cached in ``lists`` for the next commit. Raises Unavailable.
    """
    if (node := node_of(leased)) is not None:
        return await decide_child(runtime, leased, node)
    fan = fan_of(leased)
    return None if fan is None else await decide_fan(runtime.store, leased, fan, lists)
