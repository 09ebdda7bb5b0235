"""Fan nodes: they load lists, joins and results of branches, so that decisions are pure."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final, NamedTuple, TypeAlias, cast

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.abc import Store
from paigeant.engine.flow.lists import ItemLists
from paigeant.engine.values import find_variable, load_texts
from paigeant.model.entries.fan import Fan, OnFault
from paigeant.model.entries.for_each import ForEach
from paigeant.model.entries.parallel import Parallel
from paigeant.model.fan.joins import SHOWN_ERRORS, SUPPLY, BranchEnd, EndedBranch, JoinState
from paigeant.model.fan.outcomes import AnyOutcome, FannedOut
from paigeant.model.hops import Leased
from paigeant.model.limits import INLINE_BYTES
from paigeant.model.message import HopKey
from paigeant.model.outcomes import Faulted
from paigeant.model.runs import Direction
from paigeant.model.secrecy.secrets import hidden
from paigeant.model.values.json_text import to_json
from paigeant.model.values.showing import shown
from paigeant.model.values.values import NULL, Blob, Inline, Value, shelve
from paigeant.routing.close import is_to_end
from paigeant.routing.fan import branches as routing

Decided: TypeAlias = tuple[AnyOutcome, list[Blob]]

PAGE: Final = 1_000
"""Branches in one query."""


class Undoing(NamedTuple):
    """A node during compensation."""

    node: HopKey
    kind: str | None
    item: str | None


def fan_of(leased: Leased) -> Fan | Undoing | None:
    """Return the leased node with branches, forward or compensating; None for others, also with a child run."""
    message = leased.message
    slip = message.routing_slip
    if message.headers.direction is Direction.COMPENSATE:
        undone = slip.compensations[0]
        return Undoing(HopKey(message.headers.workflow_id, undone.path, undone.position), undone.kind, undone.label)
    if slip.undecided:
        return None
    entry = slip.itinerary.next
    return entry if isinstance(entry, Fan) else None


async def decide_fan(store: Store, leased: Leased, fan: Fan | Undoing, lists: ItemLists | None = None) -> Decided:
    """Return the outcome of a node with branches, and its large values; raises Unavailable.

    A list that was read is cached in ``lists`` for the next commit.
    """
    join = None if leased.grant.fence == 1 else await store.load_join(leased.grant.key)  # fence 1: nothing has begun
    if isinstance(fan, Undoing):
        return await _undo(store, leased, fan, join)
    if join is None:
        ending = is_to_end(leased)
        return await _begin(store, leased, fan) if ending is None else (ending, [])
    if join.settled:
        return await _end(store, leased, fan, join)
    if not join.low:
        return FannedOut(), []
    if isinstance(fan, Parallel):
        return routing.supply_parallel(leased, fan, join), []
    each = cast("ForEach", fan)
    run, written = leased.message.headers.workflow_id, join.written
    part = await (lists or ItemLists()).part(store, run, join.start.items or NULL, written, written + SUPPLY)
    values, blobs = _shelve([Blob("", json) for json in part])
    items = [*[cast("Value", NULL)] * written, *values]  # items before these are not needed any more
    return FannedOut(routing.items_from(each, items, written)), blobs


async def _begin(store: Store, leased: Leased, fan: Fan) -> Decided:
    if isinstance(fan, Parallel):
        return routing.begin_parallel(leased, fan), []
    each = cast("ForEach", fan)
    found = await _find_list(store, leased, each.in_)
    if isinstance(found, Faulted):
        return found, []
    json, kept = found
    items = [Blob("", to_json(item)) for item in json]
    frozen, blob = shelve(to_json(json)) if kept is None else (kept, None)
    values, blobs = _shelve(items[:SUPPLY])
    outcome = routing.begin_for_each(each, [*values, *[NULL] * (len(items) - len(values))], frozen)
    return outcome, [*blobs, *([] if blob is None else [blob])]


async def _find_list(store: Store, leased: Leased, way: str) -> tuple[list[JsonValue], Value | None] | Faulted:
    """Return the list in a variable, or at a path within one; with the variable's value if it is the whole."""
    parts = way.split(".")
    for count in range(len(parts), 0, -1):
        name = ".".join(parts[:count])
        value = await find_variable(store, leased, name)
        if value is None:
            continue
        texts = await load_texts(store, leased.message.headers.workflow_id, {name: value})
        found: JsonValue = from_json(texts[name])
        for part in parts[count:]:
            if not isinstance(found, dict) or part not in found:
                return routing.not_a_list(way, f"{name!r} has no {part!r}")
            found = found[part]
        if not isinstance(found, list):
            return routing.not_a_list(way, f"it is {shown(hidden(found))}")
        if len(found) > routing.ITEMS:
            return routing.not_a_list(way, f"it has {len(found):,} items; at most {routing.ITEMS:,} are allowed")
        kept = count == len(parts) and not (isinstance(value, Inline) and len(value.json) > INLINE_BYTES)
        return found, value if kept else None
    return routing.not_a_list(way, "it is not set")


def _shelve(items: Sequence[Blob]) -> tuple[list[Value], list[Blob]]:
    shelved = [shelve(item.json) for item in items]
    return [value for value, _ in shelved], [blob for _, blob in shelved if blob is not None]


# -- all branches have ended


async def _end(store: Store, leased: Leased, fan: Fan, join: JoinState) -> Decided:
    failed = routing.failure_of(leased, join)
    if failed is not None:
        return failed, []
    collects = isinstance(fan, Parallel) or join.start.collect
    skipped = join.failed > 0 and join.start.on_fault is OnFault.SKIP
    ended = [one async for one in all_branches(store, leased.grant.key)] if collects or skipped else []
    if late := routing.surplus(join, ended):
        return FannedOut(undoes=late), []
    json = await _output(store, leased, fan, join, ended)
    output, blob = shelve(json)
    errors, more = None, None
    if skipped:
        wrong = [one for one in ended if one.end is BranchEnd.FAILED][:SHOWN_ERRORS]
        errors, more = shelve(routing.errors_of(fan, wrong))
    published = await _published(store, leased, routing.counted(join, ended) if fan.publishes else ())
    joined = routing.join_branches(fan, join, routing.Results(output, published, errors))
    return joined, [one for one in (blob, more) if one is not None]


async def all_branches(store: Store, node: HopKey) -> AsyncIterator[EndedBranch]:
    """Yield the ended branches of a node, in order."""
    after, more = -1, True
    while more:
        page = await store.load_branches(node, after=after, limit=PAGE)
        for one in page:
            yield one
            after = one.number
        more = len(page) == PAGE


async def _output(store: Store, leased: Leased, fan: Fan, join: JoinState, ended: Sequence[EndedBranch]) -> bytes:
    """Return the output of a node as JSON: results by name, or in the order of the items, or their number."""
    counted = routing.counted(join, ended)
    if not isinstance(fan, Parallel) and not join.start.collect:
        return to_json(join.completed)
    values = {str(one.number): one.output or NULL for one in counted}
    texts = await load_texts(store, leased.message.headers.workflow_id, values)
    if isinstance(fan, Parallel):
        names = {str(one.number): fan.branches[one.number].name for one in counted}
        return b"{%b}" % b",".join(b"%b:%b" % (to_json(names[number]), text) for number, text in texts.items())
    return b"[%b]" % b",".join(texts.get(str(number), b"null") for number in range(join.start.total))


async def _published(store: Store, leased: Leased, counted: Sequence[EndedBranch]) -> Mapping[str, Value]:
    """Return the variables set in branches, in the order of the branches, not of time: the last one wins."""
    if not counted:
        return {}
    found = await store.load_branch_variables(leased.message.headers.workflow_id, [one.path for one in counted])
    published: dict[str, Value] = {}
    for one in counted:
        published |= found.get(one.path, {})
    return published


# -- compensation


async def _undo(store: Store, leased: Leased, undoing: Undoing, join: JoinState | None) -> Decided:
    if join is not None and join.settled:
        return routing.finish_undoing_node(leased, join), []
    if join is not None and not join.low:
        return FannedOut(), []
    forward = await store.load_join(undoing.node)
    if forward is None:
        text = f"nothing is known of the branches of {undoing.node.message_id}, which are to be undone"
        raise LookupError(text)
    begun = 0 if join is None else join.written
    ended = await store.load_undoable(undoing.node, leased.grant.key, limit=SUPPLY)
    ended, blobs = await _with_items(store, leased, undoing, forward, ended)
    if join is None:
        return routing.begin_undoing(forward, ended), blobs
    return FannedOut(undoes=tuple(enumerate(ended, begun))), blobs


async def _with_items(
    store: Store, leased: Leased, undoing: Undoing, forward: JoinState, ended: Sequence[EndedBranch]
) -> tuple[list[EndedBranch], list[Blob]]:
    """Return the branches with their items."""
    if undoing.kind != ForEach.kind or undoing.item is None or forward.start.items is None:
        return list(ended), []
    texts = await load_texts(store, leased.message.headers.workflow_id, {"": forward.start.items})
    json = cast("list[Any]", from_json(texts[""]))
    values, blobs = _shelve([Blob("", to_json(json[one.number])) for one in ended])
    own = [routing.own_of(undoing.item, one.number, value) for one, value in zip(ended, values, strict=True)]
    return [one._replace(own=each) for one, each in zip(ended, own, strict=True)], blobs
