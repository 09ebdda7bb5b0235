"""Wait: the run goes on when a signal of this name arrives."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar, Final, Literal, Self, cast
from uuid import UUID

from pydantic import ConfigDict, TypeAdapter
from pydantic.dataclasses import dataclass

from paigeant.model.checks.names import OutputName
from paigeant.model.checks.options import declared
from paigeant.model.entries.entry import DURATION, FLOW, NAME, Entry, Reader, written
from paigeant.model.values.durations import Limit


class OnTimeout(StrEnum):
    """Policy for a wait whose signal has not arrived in time."""

    FAULT = "fault"
    """The wait fails for good."""
    CONTINUE = "continue"
    """The run goes on, with null instead of the signal's payload."""


@declared
@dataclass(frozen=True, slots=True, config=ConfigDict(extra="forbid"))
class Wait(Entry):
    """Entry that does nothing until the run receives the signal of this name.

    The signal's payload is the variable of that name. After ``timeout`` (a duration; by default never) the wait is a
    fault, or with ``on_timeout="continue"`` the run goes on. Raises RegistrationError for an invalid argument.
    """

    kind: ClassVar[str] = "wait"
    key: ClassVar[str] = "wait"
    main: ClassVar[str] = "signal"
    schema: ClassVar[Mapping[str, Any]] = {
        "wait": NAME,
        "timeout": DURATION,
        "on_timeout": {"enum": ["fault", "continue"]},
    }

    signal: OutputName
    timeout: Limit = None
    on_timeout: OnTimeout | Literal["fault", "continue"] = OnTimeout.FAULT
    id: UUID | None = None

    @property
    def awaits(self) -> str:
        """The signal."""
        return self.signal

    @property
    def topic(self) -> str:
        """Topic that all workers serve."""
        return FLOW

    @property
    def label(self) -> str:
        """The signal."""
        return self.signal

    @property
    def text(self) -> bytes:
        """The wait as JSON."""
        return written(self.kind, _WAIT.dump_json(self, exclude_defaults=True, exclude={"id"}))

    @classmethod
    def read(cls, said: Mapping[str, Any], nested: Reader) -> Self:
        """Parse the wait of an object."""
        del nested
        return cast("Self", _WAIT.validate_python(said))


_WAIT: Final = TypeAdapter(Wait)
