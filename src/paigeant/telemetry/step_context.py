"""Step context: whatever is logged while a step runs carries the ids of that step, whoever logs it."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from contextvars import ContextVar, Token
from typing import Any, ClassVar, Final

from paigeant.abc import Hooks
from paigeant.model.events import Event, WorkerStarted
from paigeant.model.hops import Leased
from paigeant.telemetry.step_lines import PROCESS, STEPS, step_fields

_LEASED: Final = ContextVar[Leased]("paigeant_step")


class StepContext(Hooks):
    """Remembers, in a context variable, which step the code at hand belongs to; threads of a step have it, too."""

    wanted_events: ClassVar[Collection[type[Event]] | None] = (WorkerStarted,)

    def __init__(self, namespace: str) -> None:
        """Put the namespace into each line of the process, and the worker once it has started."""
        PROCESS.clear()
        PROCESS["namespace"] = namespace

    def around_step(self, leased: Leased) -> AbstractContextManager[None]:
        """Set it for one execution."""
        return _Within(leased)

    def on_event(self, event: Event) -> None:
        """Learn the worker's name."""
        if isinstance(event, WorkerStarted):
            PROCESS["worker"] = event.worker


class _Within(AbstractContextManager[None]):
    __slots__ = ("_leased", "_token")

    def __init__(self, leased: Leased) -> None:
        self._leased = leased
        self._token: Token[Leased] | None = None

    def __enter__(self) -> None:
        self._token = _LEASED.set(self._leased)

    def __exit__(self, *_: object) -> None:
        if self._token is not None:
            _LEASED.reset(self._token)


def current_step_fields() -> Mapping[str, Any]:
    """Return the ids of the worker and of the step that the calling code belongs to, as far as there are any."""
    leased = _LEASED.get(None)
    return PROCESS if leased is None else {**PROCESS, **step_fields(leased)}


def process_fields() -> Mapping[str, Any]:
    """Return what is the same in all lines of the process."""
    return PROCESS


def has_step_fields(record: logging.LogRecord) -> bool:
    """Tell whether a record says by itself which step it is about: all that the step at hand could add is there."""
    return record.name == STEPS.name and "attempt" in vars(record)
