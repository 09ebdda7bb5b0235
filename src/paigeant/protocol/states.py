"""Columns that decisions depend on: rows of runs and hops, read in the writing transaction.

A query may leave out columns that its decision does not name.
"""

# ruff: noqa: D102 -- columns are described once for their class, and in `paigeant.sql.schema.tables`

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from paigeant.model.outcomes import AttemptError
from paigeant.model.revision import Revision
from paigeant.model.runs import RunError
from paigeant.model.values.values import Value


class RunState(Protocol):
    """A run: it is to be ended from outside once it has ``cancel_requested``, or its ``deadline`` has passed.

    ``closing`` holds the path prefixes of branches that are to end.
    """

    @property
    def workflow_id(self) -> UUID: ...
    @property
    def status(self) -> str: ...
    @property
    def cancel_requested(self) -> str | None: ...
    @property
    def deadline(self) -> datetime | None: ...
    @property
    def completed_at(self) -> datetime | None: ...
    @property
    def closing(self) -> Sequence[str] | None: ...


class HopState(Protocol):
    """A hop: open, as the durable twin, until ``completed_at``; leased while it has an ``owner``.

    It must not be leased before ``due_at``, which is also the end of a lease; None: not before somebody resumes it.
    ``wait`` is the state of a node's wait; ``closes``: its branch is to end, and anybody may end it.
    """

    @property
    def fence(self) -> int: ...
    @property
    def attempt(self) -> int: ...
    @property
    def interruptions(self) -> int: ...
    @property
    def owner(self) -> object | None: ...
    @property
    def due_at(self) -> datetime | None: ...
    @property
    def completed_at(self) -> datetime | None: ...
    @property
    def wait(self) -> str | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def closes(self) -> bool | None: ...


class WaitingHop(HopState, Protocol):
    """A hop with its direction."""

    @property
    def direction(self) -> str: ...


class JudgedHop(HopState, Protocol):
    """A hop with its last committed execution."""

    @property
    def committed_by(self) -> object: ...


class CommittedHop(JudgedHop, Protocol):
    """A hop with the results of earlier executions, to which a commit adds."""

    @property
    def input(self) -> Mapping[str, Value] | None: ...
    @property
    def errors(self) -> Sequence[AttemptError] | None: ...


class AwaitingHop(HopState, Protocol):
    """A hop with its place and the name of the signal that it waits for, None without one."""

    @property
    def path(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def awaits(self) -> str | None: ...


class KeptSignal(Protocol):
    """A signal, by order of arrival; ``position`` is that of the hop it has met, None without one."""

    @property
    def name(self) -> str: ...
    @property
    def number(self) -> int: ...
    @property
    def position(self) -> int | None: ...


class KnownRun(Protocol):
    """Columns that decide whether a dispatch repeats a run."""

    @property
    def workflow_id(self) -> UUID: ...
    @property
    def workflow(self) -> str: ...
    @property
    def dispatch_key(self) -> str | None: ...
    @property
    def input_sha256(self) -> str: ...


class RecordedHop(HopState, Protocol):
    """Columns that a message is compared with; ``digest`` is the SHA-256 of the recorded bytes."""

    @property
    def body(self) -> bytes: ...
    @property
    def digest(self) -> bytes: ...
    @property
    def hint_at(self) -> datetime: ...


class ResumableRun(RunState, Protocol):
    """A run with the columns that a resume may reset."""

    @property
    def error(self) -> RunError | None: ...
    @property
    def closes_at(self) -> datetime | None: ...


class PlacedHop(HopState, Protocol):
    """A hop with its place and status; ``accepted``: a person accepts any code for it.

    ``epoch`` is the number of times it was started afresh, None if never.
    """

    @property
    def path(self) -> str: ...
    @property
    def position(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def accepted(self) -> bool | None: ...
    @property
    def epoch(self) -> int | None: ...


class ShownRun(RunState, Protocol):
    """Shown columns of a run, besides those with the names of :class:`~paigeant.model.runs.RunSummary`."""

    @property
    def trace_id(self) -> str: ...
    @property
    def correlation_id(self) -> str | None: ...
    @property
    def dispatch_key(self) -> str | None: ...
    @property
    def forked_from(self) -> UUID | None: ...
    @property
    def forked_at(self) -> int | None: ...
    @property
    def parent_id(self) -> UUID | None: ...
    @property
    def parent_path(self) -> str | None: ...
    @property
    def parent_position(self) -> int | None: ...
    @property
    def input(self) -> Value: ...
    @property
    def output(self) -> Value | None: ...


class ShownHop(PlacedHop, Protocol):
    """Shown columns of a hop; ``detail`` is its step's last progress, as JSON text."""

    @property
    def workflow_id(self) -> UUID: ...
    @property
    def path(self) -> str: ...
    @property
    def step(self) -> str: ...
    @property
    def step_id(self) -> UUID: ...
    @property
    def direction(self) -> str: ...
    @property
    def input(self) -> Mapping[str, Value] | None: ...
    @property
    def output(self) -> Value | None: ...
    @property
    def errors(self) -> Sequence[AttemptError] | None: ...
    @property
    def awaits(self) -> str | None: ...
    @property
    def kind(self) -> str | None: ...
    @property
    def label(self) -> str | None: ...
    @property
    def interface(self) -> str | None: ...
    @property
    def revision(self) -> Revision | None: ...
    @property
    def worker(self) -> str | None: ...
    @property
    def started_at(self) -> datetime | None: ...
    @property
    def detail(self) -> bytes | None: ...
    @property
    def said_at(self) -> datetime | None: ...


class ShownChild(Protocol):
    """Shown columns of a child run; ``reports_to`` is the position of the hop that waits for its end."""

    @property
    def workflow_id(self) -> UUID: ...
    @property
    def workflow(self) -> str: ...
    @property
    def parent_path(self) -> str | None: ...
    @property
    def parent_position(self) -> int | None: ...
    @property
    def reports_to(self) -> int | None: ...
    @property
    def ended(self) -> str | None: ...


class NumberedRun(RunState, Protocol):
    """A run in the order in which runs were recorded."""

    @property
    def number(self) -> int: ...
