"""Fields of signed texts. The holder of a trusted key may have signed anything: fields are read with exact types.

Nothing is converted, and numbers have bounds, so that verifiers can rely on these schemas.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

from pydantic import JsonValue
from pydantic_core import CoreSchema, SchemaValidator, ValidationError, core_schema

from paigeant.model.custody.records import RecordKind
from paigeant.model.limits import POSITIONS
from paigeant.model.runs import FINAL, Direction, StepStatus
from paigeant.model.values.json_text import to_json

Fields: TypeAlias = Mapping[str, CoreSchema]

_TEXT: Final = core_schema.str_schema(strict=True)
_MAYBE: Final = core_schema.nullable_schema(_TEXT)
_RUN: Final = core_schema.str_schema(strict=True, pattern="^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$")
_HEX: Final = core_schema.str_schema(strict=True, pattern="^[0-9a-f]{32}$")
_PATH: Final = core_schema.str_schema(
    strict=True, max_length=255, pattern=r"^([0-9]{1,19}\.[0-9]{1,19}(/[0-9]{1,19}\.[0-9]{1,19})*)?$"
)
_ANY_PLACE: Final = core_schema.int_schema(strict=True, ge=0, lt=POSITIONS)
_PLACE: Final = core_schema.int_schema(strict=True, gt=0, lt=POSITIONS)
_COUNT: Final = core_schema.int_schema(strict=True, ge=0, lt=POSITIONS)
_OBJECT: Final = core_schema.dict_schema(_TEXT, strict=True)
_POLICY: Final = core_schema.nullable_schema(_OBJECT)
_TEXTS: Final = core_schema.list_schema(_TEXT, strict=True)
_DIRECTION: Final = core_schema.literal_schema([each.value for each in Direction if each is not Direction.UNREADABLE])
_STATUS: Final = core_schema.literal_schema([each.value for each in StepStatus if each is not StepStatus.UNREADABLE])
_END: Final = core_schema.nullable_schema(core_schema.literal_schema(sorted(each.value for each in FINAL)))


def _object(fields: Fields) -> CoreSchema:
    """Return the schema of an object with these fields, and no others."""
    made = {name: core_schema.typed_dict_field(schema) for name, schema in fields.items()}
    return core_schema.typed_dict_schema(made, strict=True, extra_behavior="forbid")


def _list(fields: Fields) -> CoreSchema:
    return core_schema.list_schema(_object(fields), strict=True)


def _one_of(*texts: str) -> CoreSchema:
    return core_schema.literal_schema(list(texts))


_NOTHING: Final = core_schema.none_schema()
_FIRST: Final[Fields] = {"path": _one_of(""), "n": core_schema.literal_schema([0]), "prev": _MAYBE}
_BEGINS: Final[Fields] = {"path": _one_of(""), "n": core_schema.literal_schema([0]), "prev": _NOTHING}
_NEXT: Final = _list({"path": _PATH, "n": _PLACE, "body": _TEXT})
_RUNS: Final = core_schema.list_schema(_RUN, min_length=1, strict=True)
_WITHIN: Final = core_schema.nullable_schema(_object({"runs": _RUNS, "path": _PATH, "n": _PLACE}))
_REVISION: Final = core_schema.nullable_schema(
    _object(
        {
            "from": _MAYBE,
            "to": _MAYBE,
            "count": _COUNT,
            "added": _TEXTS,
            "discarded": _TEXTS,
            "author": _MAYBE,
            "reason": _MAYBE,
        }
    )
)
_NOTES: Final = core_schema.nullable_schema(
    _object(dict.fromkeys(("checkpoints", "ledger", "history"), _MAYBE)),
)
_DIGESTS: Final[Fields] = dict.fromkeys(("in", "out", "log", "undo", "fault"), _MAYBE)
_AHEAD: Final[Fields] = {"plan": _MAYBE, "next": _NEXT}
_HOP: Final[Fields] = {
    "step": _TEXT,
    "label": _MAYBE,
    "step_id": _HEX,
    "dir": _DIRECTION,
    "status": _STATUS,
    "fence": _COUNT,
    "attempt": _COUNT,
    **_DIGESTS,
    "vars": core_schema.dict_schema(_TEXT, _TEXT, strict=True),
    "did": _TEXTS,
    "plan": _MAYBE,
    "rev": _REVISION,
    "next": _NEXT,
    "heads": _MAYBE,
    "run": _END,
    "result": _MAYBE,
    "because": _TEXTS,
    "notes": _NOTES,
}
_DISPATCH: Final[Fields] = {
    "aud": _TEXT,
    "workflow": _TEXT,
    "tenant": _MAYBE,
    "key": _MAYBE,
    "trace": _TEXT,
    "within": _WITHIN,
    "sub": _MAYBE,
    "deadline": _MAYBE,
    "exp": _TEXT,
    "input": _MAYBE,
    "policy": _POLICY,
    "passed": _TEXTS,
    **_AHEAD,
}
_SET: Final[Fields] = {"name": _TEXT, "path": _PATH, "n": _ANY_PLACE, "digest": _TEXT}
_DONE: Final[Fields] = {"id": _TEXT, "verb": _TEXT, "by": _TEXT, "via": _TEXT, "at": _TEXT, "args": _OBJECT}
_ADOPTED: Final[Fields] = {
    "path": _PATH,
    "n": _PLACE,
    "step": _TEXT,
    "label": _MAYBE,
    "step_id": _TEXT,
    "dir": _TEXT,
    "status": _TEXT,
    **_DIGESTS,
    "plan": _MAYBE,
    "fence": _COUNT,
    "notes": _NOTES,
    "node": core_schema.nullable_schema(_PLACE),
    "open": core_schema.bool_schema(strict=True),
}
_ADOPTION: Final[Fields] = {
    "aud": _TEXT,
    "workflow": _TEXT,
    "within": _WITHIN,
    "sub": _MAYBE,
    "exp": _TEXT,
    "input": _MAYBE,
    "policy": _POLICY,
    "run": _END,
    "result": _MAYBE,
    "set": _list(_SET),
    "deeds": _list(_DONE),
    "hops": _list(_ADOPTED),
    "plan": _NOTHING,
    "next": _NEXT,
}
_INHERITANCE: Final[Fields] = {
    "workflow": _TEXT,
    "source": _RUN,
    "head": _MAYBE,
    "before": _PLACE,
    "set": _list(_SET),
    "hops": _list(_ADOPTED),
    "plan": _NOTHING,
    "next": _NEXT,
}


def _record(kind: RecordKind, place: Fields, more: Fields) -> Fields:
    """Return the fields of a kind of record, the common ones first."""
    return {"k": _one_of(kind.value), "wf": _RUN, **place, "by": _TEXT, "at": _TEXT, **more}


def _placed(path: CoreSchema, n: CoreSchema) -> Fields:
    return {"path": path, "n": n, "prev": _TEXT}


RECORDS: Final[Mapping[RecordKind, Fields]] = {
    RecordKind.DISPATCH: _record(RecordKind.DISPATCH, _FIRST, _DISPATCH),
    RecordKind.INHERIT: _record(RecordKind.INHERIT, _BEGINS, _INHERITANCE),
    RecordKind.ADOPT: _record(RecordKind.ADOPT, _BEGINS, _ADOPTION),
    RecordKind.TURN: _record(RecordKind.TURN, _placed(_one_of(""), _ANY_PLACE), {"plan": _NOTHING, "next": _NEXT}),
    RecordKind.BRANCH: _record(
        RecordKind.BRANCH, _placed(_PATH, _ANY_PLACE), {"node": _PLACE, "join": _MAYBE, **_AHEAD}
    ),
    **{
        kind: _record(kind, _placed(_PATH, _PLACE), _HOP)
        for kind in (RecordKind.HOP, RecordKind.CLOSE, RecordKind.JOIN)
    },
}
"""Fields of records, by kind, in order."""

DEED: Final[Fields] = {
    "k": _one_of("deed"),
    "id": _HEX,
    "wf": core_schema.nullable_schema(_RUN),
    "follows": _MAYBE,
    "aud": _TEXT,
    "verb": _TEXT,
    "by": _TEXT,
    "via": _TEXT,
    "at": _TEXT,
    "args": _OBJECT,
}
"""Fields of deeds, in order."""


class SignedText:
    """A kind of signed text: one text for each content, with all fields in order."""

    def __init__(self, fields: Fields) -> None:
        """Parse texts with these fields."""
        self._validator = SchemaValidator(_object(fields))

    def read(self, text: bytes, said: JsonValue) -> dict[str, Any]:
        """Return the parsed fields of a text, if it is the text that would be written of them; raises ValueError."""
        try:
            fields: dict[str, Any] = self._validator.validate_python(said)
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False, include_context=False)[0]
            raise ValueError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
        if to_json(fields) != text:  # parsed fields are in order
            raise ValueError("not the text that would be written of its fields")
        return fields
