"""Sleep: the run goes on after a duration, or at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Annotated, Any, ClassVar, Final, Self, cast
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from paigeant.model.checks.options import declared
from paigeant.model.entries.entry import DURATION, FLOW, Entry, Reader, WrittenWrongly, YamlReader, written
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.values.durations import Limit, spelled

_TIME_PATTERN: Final = r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?([Zz]|[+\-]\d\d:\d\d)"
"""Date and time with an offset, as in RFC 3339; no variable has such a name."""


_TIME: Final = TypeAdapter(AwareDatetime)


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Sleep(Entry):
    """Entry that does nothing for a ``duration``, or ``until`` a time, or until the time in a variable.

    A duration is a ``timedelta``, seconds, or text such as ``"3d"``; it begins when the entry before is done. A time is
    a date and time with its offset, as in RFC 3339: ``"2030-01-31T09:00:00Z"``. Raises RegistrationError for an invalid
    argument.
    """

    kind: ClassVar[str] = "sleep"
    key: ClassVar[str] = "sleep"
    main: ClassVar[str] = "duration"
    schema: ClassVar[Mapping[str, Any]] = {
        "sleep": {
            "anyOf": [
                DURATION,
                {
                    "type": "object",
                    "properties": {"until": {"type": "string", "description": "a variable, or a time as in RFC 3339"}},
                    "required": ["until"],
                    "additionalProperties": False,
                },
            ]
        }
    }

    duration: Limit = None
    until: Annotated[str, Field(pattern=f"^({NAME_PATTERN}|{_TIME_PATTERN})$")] | None = None
    id: UUID | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.duration is None) is (self.until is None):
            raise ValueError("give a duration, as Sleep('3d'), or a variable or a time, as Sleep(until='appointment')")
        if self.time is not None:
            _TIME.validate_python(self.time)
        return self

    @classmethod
    def read_yaml(cls, said: Mapping[str, Any], nested: YamlReader) -> Self:
        """Parse the sleep of a YAML object: a duration, or an object with ``until``."""
        del nested
        how = said[cls.key]
        if not isinstance(how, Mapping):
            return cls.read({cls.main: how}, lambda _: ())
        options = cast("Mapping[str, Any]", how)
        if set(options) != {"until"}:
            raise WrittenWrongly("a sleep is a duration, or an object that says until", cls.key)
        until = options["until"]
        if isinstance(until, date):  # YAML parses such texts as dates
            if not isinstance(until, datetime) or until.tzinfo is None:
                text = f"it is {until}; a time has a date and its offset, as 2030-01-31T09:00:00Z"
                raise WrittenWrongly(text, cls.key, "until")
            until = until.isoformat()
        return cls.read({"until": until}, lambda _: ())

    @property
    def time(self) -> str | None:
        """The time given in the entry itself."""
        return self.until if self.until is not None and re.fullmatch(_TIME_PATTERN, self.until) else None

    @property
    def variable(self) -> str | None:
        """Name of the variable with the time."""
        return None if self.time is not None else self.until

    def exposed(self) -> Iterator[tuple[str, str]]:
        """Yield the variable that says when."""
        if self.variable is not None:
            yield self.variable, f"it sleeps until {self.variable!r}, which is a secret"

    @property
    def topic(self) -> str:
        """Topic that all workers serve."""
        return FLOW

    @property
    def label(self) -> str:
        """Name of the variable with the time, or the duration."""
        return self.until or spelled(cast("float", self.duration))

    @property
    def text(self) -> bytes:
        """The sleep as JSON."""
        return written(self.kind, _SLEEP.dump_json(self, exclude_defaults=True, exclude={"id"}))

    @classmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Parse the sleep of an object."""
        del nested
        return cast("Self", _SLEEP.validate_python(said))


_SLEEP: Final = TypeAdapter(Sleep)
