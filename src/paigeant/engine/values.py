"""Values at the edge: from the message or the store to JSON texts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import cast
from uuid import UUID

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.abc import ValueStore
from paigeant.activities.binding import Sources
from paigeant.model.hops import Leased
from paigeant.model.values.values import Inline, Ref, Value, unshelve


async def load_texts(store: ValueStore, workflow_id: UUID, values: Mapping[str, Value]) -> dict[str, bytes]:
    """Return each value's JSON text, with one read for all that rest in the store.

    Raises LookupError or ValueError if the store does not have what a claim check promises.
    """
    texts = {name: value.json for name, value in values.items() if isinstance(value, Inline)}
    if len(texts) == len(values):
        return texts
    digests = {value.sha256 for value in values.values() if isinstance(value, Ref)}
    stored = await store.load_values(workflow_id, digests)
    return {
        name: unshelve(value, None if isinstance(value, Inline) else stored.get(value.sha256))
        for name, value in values.items()
    }


async def load_variables(
    store: ValueStore, leased: Leased, names: Collection[str] | None = None
) -> Mapping[str, Value]:
    """Return variables as a hop sees them, held against what was signed; raises TamperedMessage and Unavailable."""
    workflow_id, path, _ = leased.message.key
    found = await store.load_variables(workflow_id, names, path=path)
    if leased.verify is not None:
        leased.verify(leased, found)
    return found


async def load_seen(store: ValueStore, leased: Leased, name: str) -> JsonValue:
    """Return a variable as a hop sees it: one that was set, else a field of the input; None if there is none."""
    workflow_id = leased.message.headers.workflow_id
    found = (await load_variables(store, leased, [name])).get(name)
    if found is not None:
        return from_json((await load_texts(store, workflow_id, {name: found}))[name])
    texts = await load_texts(store, workflow_id, {"payload": leased.message.payload.input})
    return cast("JsonValue", Sources({}, texts, {}).fields.get(name))
