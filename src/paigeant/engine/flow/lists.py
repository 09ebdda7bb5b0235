"""Cache of the list for which a node begins branches: parsed once, although a long one takes many commits."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast
from uuid import UUID

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.abc import ValueStore
from paigeant.engine.values import load_texts
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Ref, Value


class ItemLists:
    """Cache of the items, as JSON texts, of the list that was read last, while more of them are to begin."""

    def __init__(self) -> None:
        """Start empty."""
        self._digest: str | None = None
        self._items: Sequence[bytes] = ()

    async def part(self, store: ValueStore, run: UUID, frozen: Value, first: int, end: int) -> Sequence[bytes]:
        """Return the items of this list value from one index up to another; raises Unavailable."""
        digest = frozen.sha256 if isinstance(frozen, Ref) else None
        items = self._items if digest is not None and digest == self._digest else await _read(store, run, frozen)
        more = end < len(items)
        self._digest, self._items = (digest, items) if more and digest is not None else (None, ())
        return items[first:end]


async def _read(store: ValueStore, run: UUID, frozen: Value) -> Sequence[bytes]:
    texts = await load_texts(store, run, {"": frozen})
    return [to_json(item) for item in cast("list[JsonValue]", from_json(texts[""]))]
