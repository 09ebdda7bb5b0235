"""What is known of a workflow beside its plan."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pydantic import TypeAdapter

from paigeant.activities.checking.json_types import ANY, Schema, field_of
from paigeant.model.plan import ActivityCard


@dataclass(frozen=True, slots=True)
class Known:
    """What is known beside the plan.

    ``input`` is the type of what goes in, ``output`` of what comes out; ``fields`` are the names in one input that is
    at hand; ``cards`` are of activities elsewhere; ``asked_by`` says which names a condition asks for.
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
