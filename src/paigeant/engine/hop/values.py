"""Values at the edge: from the message or the store to JSON texts."""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from paigeant.abc import ValueStore
from paigeant.model.values.values import Inline, Ref, Value, unshelve


async def load_texts(store: ValueStore, workflow_id: UUID, values: Mapping[str, Value]) -> dict[str, bytes]:
    """Return each value's JSON text, with one read for all that rest in the store.

    Raises LookupError or ValueError if the store does not have what a claim check promises.
    """
    if not values:
        return {}
    digests = {value.sha256 for value in values.values() if isinstance(value, Ref)}
    stored: Mapping[str, bytes] = await store.load_values(workflow_id, digests) if digests else {}
    return {
        name: unshelve(value, None if isinstance(value, Inline) else stored.get(value.sha256))
        for name, value in values.items()
    }
