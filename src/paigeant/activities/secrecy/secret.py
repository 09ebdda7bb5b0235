"""Secret value that is shown only on request, and cannot be written by accident."""

from __future__ import annotations

from typing import Any, Generic, NoReturn, TypeVar, cast, get_args

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from paigeant.errors import ResultError
from paigeant.model.checks.options import spelled
from paigeant.model.secrecy.secrets import HIDDEN

T_co = TypeVar("T_co", covariant=True)


@spelled(ResultError)
class Secret(Generic[T_co]):
    """A secret value: ``reveal()`` returns it, and everything else shows ``***``.

    Neither pydantic nor ``json`` writes it: a result or variable that contains one fails its step. Two secrets are
    equal if their values are.
    """

    __slots__ = ("_value",)

    def __init__(self, value: T_co) -> None:
        """Hold the value."""
        self._value = value

    def reveal(self) -> T_co:
        """Return the value."""
        return self._value

    def __repr__(self) -> str:
        """Return ``***``."""
        return f"Secret({HIDDEN!r})"

    def __str__(self) -> str:
        """Return ``***``."""
        return HIDDEN

    def __format__(self, spec: str) -> str:
        """Return ``***``, whatever the format: a width would show the length."""
        del spec
        return HIDDEN

    def __eq__(self, other: object) -> bool:
        """True if the other secret has the same value."""
        return isinstance(other, Secret) and bool(self._value == cast("Secret[Any]", other).reveal())

    def __hash__(self) -> int:
        """Return the same hash for all secrets: the hash of a short value would reveal the value."""
        return hash(Secret)

    def __reduce__(self) -> NoReturn:
        """Refuse to be pickled."""
        raise TypeError("a Secret is not written down: reveal() it where it is used")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """Validate its value as its type; refuse to write it."""
        inner = handler(get_args(source)[0]) if get_args(source) else core_schema.any_schema()
        wrapped = core_schema.no_info_after_validator_function(cls, inner)
        return core_schema.json_or_python_schema(
            json_schema=wrapped,
            python_schema=core_schema.union_schema([core_schema.is_instance_schema(cls), wrapped]),
            serialization=core_schema.plain_serializer_function_ser_schema(_refuse, when_used="always"),
        )


def _refuse(value: Any) -> NoReturn:
    del value
    raise ValueError("a Secret is not written down: reveal() it where it is used")
