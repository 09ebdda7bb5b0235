"""The input of a step as it is recorded: what its arguments were bound to, by name.

The one place where arguments become what is written, so that what must not be written is left out here.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from paigeant.activities.binding import Sources
from paigeant.model.values.values import Blob, Value, shelve


class Bound(NamedTuple):
    """The arguments of a call, what is recorded of them, and the large values of it that the store has not yet."""

    arguments: dict[str, Any]
    recorded: dict[str, Value]
    blobs: list[Blob]


def record_input(
    names: Iterable[str], values: Sequence[Mapping[str, Value]], sources: Sources
) -> tuple[dict[str, Value], list[Blob]]:
    """Return the value that each of these names was bound to, and what the store must keep for it.

    The first of ``values`` that has a name wins, as in binding: such a value is recorded as it came, so that one that
    rests in the store is not written again. A field of the input is a value of its own. What has no value is left out.
    """
    recorded: dict[str, Value] = {}
    blobs: list[Blob] = []
    for name in names:
        known = next((source[name] for source in values if name in source), None)
        if known is not None:
            recorded[name] = known
        elif (field := sources.field(name)) is not None:
            recorded[name], blob = shelve(field)
            blobs += [] if blob is None else [blob]
    return recorded, blobs
