"""Step context: whatever is logged while a step runs carries the ids of that step, whoever logs it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Final

from paigeant.abc import Hooks
from paigeant.model.hops import Leased
from paigeant.telemetry.logs import step_fields

_LEASED: Final = ContextVar[Leased]("paigeant_step")


class StepContext(Hooks):
    """Remembers, in a context variable, which step the code at hand belongs to; threads of a step have it, too."""

    @contextmanager
    def around_step(self, leased: Leased) -> Generator[None]:
        """Set it for one execution."""
        token = _LEASED.set(leased)
        try:
            yield
        finally:
            _LEASED.reset(token)


def current_step_fields() -> dict[str, Any]:
    """Return the ids of the step that the calling code belongs to; none outside of a step."""
    leased = _LEASED.get(None)
    return {} if leased is None else step_fields(leased)
