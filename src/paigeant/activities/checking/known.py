"""Facts about a workflow in addition to its plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from paigeant.activities.checking.json_types import ANY, Schema, field_of
from paigeant.model.plan import ActivityCard


@dataclass(frozen=True, slots=True)
class Known:
    """Facts about a workflow in addition to its plan.

    ``input`` and ``output`` are the types of the workflow; ``fields`` are the names in one input at hand; ``cards`` are
    those of activities elsewhere; ``asked_by`` returns the names that a condition uses.
    """

    input: TypeAdapter[Any] | None = None
    output: TypeAdapter[Any] | None = None
    fields: Collection[str] | None = None
    cards: Mapping[str, ActivityCard] = field(default_factory=dict[str, ActivityCard])
    asked_by: Callable[[str], Collection[str]] = lambda _: ()

    def fields_of(self, payload: Schema) -> dict[str, Schema] | None:
        """Return the fields of the input, None if it may have any."""
        if self.fields is not None:
            return {name: field_of(payload, name) or ANY for name in self.fields}
        if self.input is None:
            return None
        resolved: Mapping[str, Any] = payload
        if "$ref" in payload:
            resolved = payload.get("$defs", {}).get(str(payload["$ref"]).rpartition("/")[2], ANY)
        kind = resolved.get("type")
        if kind == "object" and "properties" in resolved and not resolved.get("additionalProperties"):
            return {name: field_of(payload, name) or ANY for name in resolved["properties"]}
        return {} if kind in {"string", "integer", "number", "boolean", "array", "null"} else None
