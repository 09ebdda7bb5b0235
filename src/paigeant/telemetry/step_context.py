"""Step context: all lines logged while a step runs contain the ids of that step, whoever logs them."""

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
    """Keeps the present step in a context variable; threads of a step inherit it."""

    wanted_events: ClassVar[Collection[type[Event]] | None] = (WorkerStarted,)

    def __init__(self, namespace: str) -> None:
        """Add the namespace to each line of the process, and the worker's name once it has started."""
        PROCESS.clear()
        PROCESS["namespace"] = namespace

    def around_step(self, leased: Leased) -> AbstractContextManager[None]:
        """Set it for one execution."""
        return _Within(leased)

    def on_event(self, event: Event) -> None:
        """Store the worker's name."""
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
    """Return the ids of the worker and of the calling code's step, if any."""
    leased = _LEASED.get(None)
    return PROCESS if leased is None else {**PROCESS, **step_fields(leased)}


def process_fields() -> Mapping[str, Any]:
    """Return the fields of all lines of the process."""
    return PROCESS


def has_step_fields(record: logging.LogRecord) -> bool:
    """True if a record contains the ids of its step already."""
    return record.name == STEPS.name and "attempt" in vars(record)
