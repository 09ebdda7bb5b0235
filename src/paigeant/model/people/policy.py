"""Policy for approvals: timeout of questions, and its consequence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, cast

from paigeant.errors import RegistrationError
from paigeant.model.checks.options import spelled, written_at
from paigeant.model.values.durations import Duration, seconds_of
from paigeant.model.values.showing import shown


@spelled()
@dataclass(frozen=True, slots=True)
class ApprovalPolicy:
    """Time for which an agent's questions are open, by default unlimited, and the consequence of a timeout.

    ``timeout`` is a duration. ``on_timeout="deny"`` tells the model that the call is denied; ``"fault"`` ends the step.
    """

    timeout: Duration | None = None
    on_timeout: Literal["deny", "fault"] = "deny"

    def __post_init__(self) -> None:
        """Raise RegistrationError for an invalid policy."""
        try:
            seconds = self.seconds
        except ValueError as error:
            raise _wrong(f"timeout is {shown(self.timeout)}: {error}") from error
        if seconds is not None and seconds <= 0:
            raise _wrong("timeout is 0; it must be more than 0 seconds")
        if cast("Any", self.on_timeout) not in {"deny", "fault"}:
            raise _wrong(f"on_timeout is {shown(self.on_timeout)}; it is 'deny' or 'fault'")

    @property
    def seconds(self) -> float | None:
        """Timeout in seconds."""
        return None if self.timeout is None else seconds_of(self.timeout)


def _wrong(what: str) -> RegistrationError:
    return RegistrationError(f"{written_at()}: ApprovalPolicy: {what}")
