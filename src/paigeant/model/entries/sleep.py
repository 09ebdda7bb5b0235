"""A sleep: the run goes on when a time has passed, or has come."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, ClassVar, Final, Self, cast
from uuid import UUID

from pydantic import ConfigDict, Field, TypeAdapter, model_validator
from pydantic.dataclasses import dataclass

from paigeant.model.checks.options import declared
from paigeant.model.entries.entry import FLOW, Entry, Reader, written
from paigeant.model.limits import NAME_PATTERN
from paigeant.model.values.durations import Limit


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Sleep(Entry):
    """One entry of an itinerary: nothing runs for a ``duration``, or ``until`` the time that a variable says.

    A duration is a ``timedelta``, seconds, or text as ``"3d"``; it begins when the entry before is done. The variable
    is a date and time with its offset, as in RFC 3339. Raises RegistrationError for what is wrong.
    """

    kind: ClassVar[str] = "sleep"

    duration: Limit = None
    until: Annotated[str, Field(pattern=f"^{NAME_PATTERN}$")] | None = None
    id: UUID | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.duration is None) is (self.until is None):
            raise ValueError("give a duration, as Sleep('3d'), or a variable, as Sleep(until='appointment')")
        return self

    @property
    def topic(self) -> str:
        """The workers themselves."""
        return FLOW

    @property
    def label(self) -> str:
        """The variable that says when, or how long it sleeps."""
        return self.until or str(timedelta(seconds=cast("float", self.duration)))

    @property
    def text(self) -> bytes:
        """The sleep as JSON."""
        return written(self.kind, _SLEEP.dump_json(self, exclude_defaults=True, exclude={"id"}))

    @classmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Return the sleep that an object stands for."""
        del nested
        return cast("Self", _SLEEP.validate_python(said))


_SLEEP: Final = TypeAdapter(Sleep)
