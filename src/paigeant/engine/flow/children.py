"""Nodes with a child run: they load variables and the state of the child, so that decisions are pure."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import TypeAlias

from pydantic_core import from_json

from paigeant.abc import Store
from paigeant.engine.flow.conditions import see_input
from paigeant.engine.runtime import Runtime
from paigeant.engine.values import find_variable, load_texts
from paigeant.errors import ConfigError, InvalidInput
from paigeant.model.entries.entry import Entry
from paigeant.model.entries.step import steps_of
from paigeant.model.entries.sub_workflow import SubWorkflow
from paigeant.model.hops import Leased
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.runs import Direction
from paigeant.model.secrecy.secrets import hidden_json, may_be_sealed, sealed_in
from paigeant.model.tree.changes import ChildBegun, ChildTurned
from paigeant.model.tree.children import ChildAwaited, ChildState, Family, child_id
from paigeant.model.values.values import NULL, Blob, Value, shelve
from paigeant.routing.close import is_to_end
from paigeant.routing.conditions import asked_by
from paigeant.routing.tree import children as routing

Decided: TypeAlias = tuple[routing.ChildOutcome, list[Blob]]


def node_of(leased: Leased) -> HopKey | None:
    """Return the node that begins, or has begun, a child, if that is what is leased, forward or back."""
    message = leased.message
    slip = message.routing_slip
    if message.headers.direction is Direction.COMPENSATE:
        undone = slip.compensations[0]
        is_child = undone.kind == SubWorkflow.kind
        return HopKey(message.headers.workflow_id, undone.path, undone.position) if is_child else None
    is_child = not slip.undecided and isinstance(slip.next_step(), SubWorkflow)
    return message.key if is_child else None


async def decide_child(runtime: Runtime, leased: Leased, node: HopKey) -> Decided:
    """Return the outcome of a node with a child run, and its large values; raises Unavailable."""
    store = runtime.store
    family = await store.load_family(node)
    if leased.message.headers.direction is Direction.COMPENSATE:
        outcome = routing.undo_child(leased, family.child)
        return outcome or await _turn(runtime, leased, family.child), []
    entry, child = leased.message.routing_slip.next_step(), family.child
    if not isinstance(entry, SubWorkflow):
        raise TypeError(entry)
    if leased.grant.wait is None:
        outcome, blobs = await _begin(store, leased, entry, family)
        if isinstance(outcome, ChildBegun):
            await _prepare(runtime, entry)
        return outcome, blobs
    if child is None or child.ended is None:
        return ChildAwaited(), []
    output, blob = await _output(store, child)
    return routing.end_child(leased, entry, child, output), [] if blob is None else [blob]


async def _prepare(runtime: Runtime, entry: SubWorkflow) -> None:
    """Get this worker's voucher extended to dispatch the child, if its signer permits it.

    If not, the worker that takes the child rejects it, as any run that was dispatched without permission.
    """
    with suppress(ConfigError):
        await runtime.codec.prepare(runtime.store.record_keys, f"dispatch:{entry.workflow}")


async def _begin(store: Store, leased: Leased, entry: SubWorkflow, family: Family) -> Decided:
    """Begin a child run; or, if the run was retried, resume the existing child."""
    ending, child = is_to_end(leased), family.child
    if ending is not None:
        return ending, []
    if child is not None and routing.goes_on(child):
        return routing.ChildRetried(child.workflow_id), []
    if entry.entries is None:
        return routing.no_plan(entry), []
    name = entry.input or "previous"
    value = await find_variable(store, leased, name)
    if value is None:
        return routing.no_input(name), []
    given = await _input(store, leased, entry.entries, value)
    if given is None:
        return routing.secret_input(entry), []
    return routing.begin_child(leased, entry, child_id(leased.grant.key.workflow_id), given, family.tenant), []


async def _input(store: Store, leased: Leased, entries: Sequence[Entry], value: Value) -> routing.ChildInput | None:
    """Return the input of a child: its large values are stored for the parent, and from now on for the child too.

    Secrets were sealed for the parent, and are not passed on: those within the input become ``***``; a secret as the
    whole input gives None.
    """
    claims: dict[str, Value] = {ref.sha256: ref for step in steps_of(entries) for ref in step.claims.values()}
    texts = await load_texts(store, leased.message.headers.workflow_id, {**claims, "": value})
    whole = texts.pop("")
    if may_be_sealed(whole) and sealed_in(from_json(whole)) is not None:
        return None
    json = hidden_json(whole)
    kept, blob = shelve(json)
    blobs = [Blob(sha256, text) for sha256, text in texts.items()] + ([] if blob is None else [blob])
    return routing.ChildInput(kept, json, see_input(json, asked_by(entries)), tuple(blobs))


async def _output(store: Store, child: ChildState) -> tuple[Value, Blob | None]:
    """Return a child's output as a value of its parent, and the blob that the parent must keep for it."""
    if child.output is None:
        return NULL, None
    texts = await load_texts(store, child.workflow_id, {"": child.output})
    return shelve(texts[""])


async def _turn(runtime: Runtime, leased: Leased, child: ChildState | None) -> ChildTurned:
    if child is None:
        raise LookupError(leased.grant.key.message_id)
    return routing.turn_child(leased, child, await _newest_message(runtime, child))


async def _newest_message(runtime: Runtime, child: ChildState) -> PaigeantMessage:
    """Return the newest message on a child's trunk; passed entries have none."""
    for position in range(child.position, 0, -1):
        body = await runtime.store.get_message(HopKey(child.workflow_id, "", position))
        if body:
            return runtime.codec.open(body).message
    text = f"no message of run {child.workflow_id} is in the store"
    raise InvalidInput(text)
