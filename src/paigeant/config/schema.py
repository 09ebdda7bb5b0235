"""JSON Schema of paigeant.yaml, for editors: the settings, and each kind of entry by its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, get_args

from paigeant.config.settings import Settings
from paigeant.model.entries.entry import DURATION, ENTRIES, NAME
from paigeant.model.entries.kinds import WRITTEN
from paigeant.model.limits import NAME_PATTERN, STEPS
from paigeant.model.secrecy.secrets import SECRETS
from paigeant.model.spending.budgets import OnExceed, Per
from paigeant.model.spending.prices import PARTS

_COUNT: Final = {"type": "integer", "minimum": 0, "maximum": STEPS}
_NAMES: Final = {"type": "array", "items": NAME}
_WRITTEN: Final = frozenset({"workflows", "budgets", "prices"})
"""Settings with structured values."""
_BUDGET: Final = {
    "usd": {"type": ["number", "string"], "exclusiveMinimum": 0},
    "tokens": {"type": "integer", "minimum": 1},
    "per": {"enum": list(get_args(Per))},
    "on_exceed": {"enum": list(get_args(OnExceed))},
}
_PRICE: Final = {"type": "number", "minimum": 0}
_A_BUDGET: Final = {"$ref": "#/$defs/budget"}
_BUDGETS: Final = {"anyOf": [_A_BUDGET, {"type": "array", "items": _A_BUDGET}]}
_AUDIENCES: Final = {
    "type": "object",
    "additionalProperties": {"type": ["string", "array"], "items": {"type": "string"}},
}
_READERS: Final = {
    "type": "object",
    "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
    "additionalProperties": {"anyOf": [NAME, {**_NAMES, "minItems": 1}]},
    "maxProperties": SECRETS,
}
_GOVERNING: Final = {
    "revision": {"$ref": "#/$defs/revision"},
    "budget": _BUDGETS,
    "identity": _AUDIENCES,
    "secrets": _READERS,
}
_ERRORS: Final = {"type": "array", "items": {"type": "string"}}


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of paigeant.yaml."""
    settings = {name: _setting(field.annotation, field.description) for name, field in _fields().items()}
    workflow = {
        "anyOf": [
            ENTRIES,
            _object({"steps": ENTRIES, **_GOVERNING}, ["steps"]),
        ]
    }
    settings["workflows"] = {
        "type": "object",
        "description": Settings.model_fields["workflows"].description,
        "propertyNames": {"pattern": f"^{NAME_PATTERN}$"},
        "additionalProperties": workflow,
    }
    settings["budgets"] = {
        "type": "array",
        "description": Settings.model_fields["budgets"].description,
        "items": _A_BUDGET,
    }
    settings["prices"] = {
        "type": "object",
        "description": Settings.model_fields["prices"].description,
        "additionalProperties": _object(dict.fromkeys(PARTS, _PRICE), ["input", "output"]),
    }
    settings["filters"] |= {"type": "object", "additionalProperties": {"type": "string"}}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "paigeant.yaml",
        **_object(settings),
        "$defs": {
            "entries": {"type": "array", "items": {"$ref": "#/$defs/entry"}, "maxItems": STEPS},
            "entry": {"anyOf": [NAME, *(_object(kind.schema, [key]) for key, kind in WRITTEN.items())]},
            "revision": _object({"allow": _NAMES, "max_added": _COUNT, "max_total": _COUNT, "forbid_drop": _NAMES}),
            "budget": _object(_BUDGET),
            "retry": _retry(),
        },
    }


def _retry() -> dict[str, Any]:
    return _object(
        {
            "max_attempts": {"type": "integer", "minimum": 1},
            "initial_delay": DURATION,
            "max_delay": DURATION,
            "multiplier": {"type": "number", "minimum": 1, "maximum": 1000},
            "jitter": {"type": "number", "minimum": 0, "maximum": 1},
            "retry_on": _ERRORS,
            "no_retry_on": _ERRORS,
        }
    )


def _fields() -> Mapping[str, Any]:
    return {name: field for name, field in Settings.model_fields.items() if not field.exclude and name not in _WRITTEN}


def _setting(annotation: Any, description: str | None) -> dict[str, Any]:
    kinds: dict[Any, Any] = {int: "integer", bool: "boolean", float: ["number", "string"]}
    return {"type": kinds.get(annotation, "string"), "description": description}


def _object(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    made: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    return made | ({"required": list(required)} if required else {})
