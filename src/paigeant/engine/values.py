"""Loading of values: from the message or the store to JSON texts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast
from uuid import UUID

from pydantic import JsonValue

from paigeant.abc import ValueStore
from paigeant.activities.binding import Sources
from paigeant.model.checks.names import GIVEN
from paigeant.model.hops import Leased
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Inline, Ref, Value, unshelve


async def load_texts(store: ValueStore, workflow_id: UUID, values: Mapping[str, Value]) -> dict[str, bytes]:
    """Return each value's JSON text, with one query for all that are in the store.

    Raises LookupError or ValueError if the store does not have the text of a claim check.
    """
    texts = {name: value.json for name, value in values.items() if type(value) is Inline}
    if len(texts) == len(values):
        return texts
    digests = {value.sha256 for value in values.values() if isinstance(value, Ref)}
    stored = await store.load_values(workflow_id, digests)
    return {
        name: unshelve(value, None if isinstance(value, Inline) else stored.get(value.sha256))
        for name, value in values.items()
    }


async def load_variables(store: ValueStore, leased: Leased, names: Collection[str] | None = None) -> dict[str, Value]:
    """Return variables as a hop sees them, first those of its own branch; raises Unavailable.

    Present and missing variables are verified; raises TamperedMessage.
    """
    workflow_id, path, _ = leased.message.key
    own = leased.message.payload.own
    found = {name: value for name, value in own.items() if names is None or name in names}
    missing = None if names is None else [name for name in names if name not in found]
    if missing == []:
        return found
    stored = await store.load_variables(workflow_id, missing, path=path)
    if leased.verify is not None:
        await leased.verify(leased, stored, missing)
    return {**stored, **found}


async def variables_for(store: ValueStore, leased: Leased, names: Collection[str]) -> Mapping[str, Value]:
    """Return the variables of these names, from the store unless they came with the lease."""
    if leased.variables is None:
        return await load_variables(store, leased, names)
    own = leased.message.payload.own
    known = {**leased.variables, **own} if own else leased.variables
    return {name: known[name] for name in names if name in known}


async def find_variable(store: ValueStore, leased: Leased, name: str) -> Value | None:
    """Return the value that a hop sees under a name; None without one.

    That is the input or the previous output, as ``payload`` or ``previous``; else a variable that was set; else a field
    of the input: in the order in which arguments are bound.
    """
    payload = leased.message.payload
    if name in GIVEN:
        return payload.input if name == "payload" else payload.previous or payload.input
    found = (await load_variables(store, leased, [name])).get(name)
    if found is not None:
        return found
    texts = await load_texts(store, leased.message.headers.workflow_id, {"payload": payload.input})
    fields = cast("dict[str, JsonValue]", Sources({}, texts, {}).fields)
    return Inline(to_json(fields[name])) if name in fields else None


async def load_seen(store: ValueStore, leased: Leased, name: str) -> bytes | None:
    """Return the result of :func:`find_variable` as JSON text."""
    found = await find_variable(store, leased, name)
    if found is None:
        return None
    return (await load_texts(store, leased.message.headers.workflow_id, {name: found}))[name]
