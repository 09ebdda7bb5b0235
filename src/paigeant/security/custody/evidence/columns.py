"""Columns of a run for an audit: each as the text that a digest covers or, if left out, as its digest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, ClassVar, Final, TypeAlias, TypeVar
from uuid import UUID

from pydantic import ConfigDict

from paigeant.model.custody.evidence import Evidence, HopEvidence, SetVariable
from paigeant.model.custody.notes import Note, NoteKind, StoredNote
from paigeant.model.values.digests import digest_of
from paigeant.model.values.values import Value, text_of, text_of_all
from paigeant.security.custody.judging.variables import input_fields
from paigeant.security.custody.records import text_of_fault, text_of_revision, text_of_undo
from paigeant.security.frame import read_frame

_AT: Final = datetime.min.replace(tzinfo=UTC)

STRICT: Final = ConfigDict(extra="forbid", strict=True)


@dataclass(frozen=True, slots=True)
class Text:
    """Text of a column."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    text: str

    @property
    def digest(self) -> str:
        """Digest, computed from the text."""
        return digest_of(self.text.encode())


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Text that was left out: its digest is the exporter's claim."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    digest: str


Column: TypeAlias = Text | LeftOut


@dataclass(frozen=True, slots=True)
class HopColumns:
    """Columns of a hop. ``message`` is the body of the message that led to it, None if it is not in the store.

    ``history`` is the digest of its agent's history.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    path: str
    position: int
    step: str
    step_id: str
    direction: str
    status: str
    fence: int
    is_open: bool
    input: Column | None
    output: Column | None
    log: Column | None
    undo: Column | None
    error: Column | None
    revision: Column | None
    message: Column | None
    history: str | None = None


@dataclass(frozen=True, slots=True)
class NoteColumns:
    """A recorded call or a charge of a step; its digest stands in the place of what it came to, always."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    step_id: str
    direction: str
    kind: NoteKind
    epoch: int
    name: str
    digest: str
    fence: int
    about: tuple[str | None, ...] | None

    @property
    def stored(self) -> StoredNote:
        """The note as it would be stored: a record has the digest of its list."""
        note = Note(self.kind, self.digest, self.name, self.epoch)
        return StoredNote(UUID(self.step_id), self.direction, note, self.fence, None, _AT, self.about)


@dataclass(frozen=True, slots=True)
class VariableColumns:
    """Set variable, at the place of a hop."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    name: str
    path: str
    position: int
    value: Column


@dataclass(frozen=True, slots=True)
class RunColumns:
    """Columns of a run; ``origin`` has the facts of its dispatch, ``lost`` are digests of missing large values.

    ``plans`` are those that are stored separately, under their SHA-256. ``fields`` are the names of its input's fields,
    None if unknown: it may have any.
    """

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    workflow_id: UUID
    workflow: str
    status: str
    origin: tuple[tuple[str, str | None], ...]
    input: Column
    fields: tuple[str, ...] | None
    output: Column | None
    hops: tuple[HopColumns, ...]
    variables: tuple[VariableColumns, ...]
    lost: tuple[str, ...]
    plans: tuple[tuple[str, Column], ...]
    notes: tuple[NoteColumns, ...] = ()


def digest_in(column: Column | None) -> str | None:
    """Return the digest of a column, None if it is null."""
    return None if column is None else column.digest


def columns_of(evidence: Evidence) -> RunColumns:
    """Return the stored columns of a run."""
    fields = input_fields(evidence.input)
    return RunColumns(
        *(evidence.workflow_id, evidence.workflow, evidence.status, _origin(evidence)),
        Text(text_of(evidence.input)),
        None if fields is None else tuple(sorted(fields)),
        _text(evidence.output),
        tuple(_hop(hop) for hop in evidence.hops),
        tuple(_variable(each) for each in evidence.variables),
        tuple(evidence.lost),
        tuple((name, Text(text.decode(errors="replace"))) for name, text in sorted(evidence.plans.items())),
        tuple(_note(each) for each in evidence.notes),
    )


def without_texts(columns: RunColumns) -> RunColumns:
    """Return the same with digests in place of all data of steps, messages and variables."""
    hops = tuple(
        _left_out(hop, "input", "output", "log", "undo", "error", "revision", "message") for hop in columns.hops
    )
    variables = tuple(_left_out(each, "value") for each in columns.variables)
    plans = tuple((name, LeftOut(column.digest)) for name, column in columns.plans)
    return replace(_left_out(columns, "input", "output"), hops=hops, variables=variables, plans=plans)


Row = TypeVar("Row", RunColumns, HopColumns, VariableColumns)


def _left_out(row: Row, *names: str) -> Row:
    digests = {name: digest_in(getattr(row, name)) for name in names}
    changes: Mapping[str, Any] = {name: each and LeftOut(each) for name, each in digests.items()}
    return replace(row, **changes)


def _origin(evidence: Evidence) -> tuple[tuple[str, str | None], ...]:
    """Return tenant, dispatch key and trace of a run, and the node that began it."""
    parent = None if evidence.parent is None else evidence.parent.message_id
    return (*evidence.origin.items(), ("within", parent))


def _hop(hop: HopEvidence) -> HopColumns:
    undo = hop.undo_before or None
    if undo is not None and not isinstance(undo, str):
        undo = text_of_undo(undo).decode()
    return HopColumns(
        *(hop.key.path, hop.key.position, hop.step, hop.step_id, hop.direction, hop.status, hop.fence, hop.is_open),
        Text(text_of_all(hop.input)) if hop.input else None,
        _text(hop.output),
        _text(hop.log),
        None if undo is None else Text(undo),
        None if hop.error is None else Text(text_of_fault(hop.error).decode()),
        None if hop.revision is None else Text(text_of_revision(hop.revision).decode()),
        None if hop.body is None else Text(_body(hop.body)),
        hop.history,
    )


def _note(each: StoredNote) -> NoteColumns:
    step_id, direction, note, fence, _, _, about = each
    return NoteColumns(step_id.hex, direction, note.kind, note.epoch, note.name, note.digest, fence, about)


def _variable(each: SetVariable) -> VariableColumns:
    return VariableColumns(each.name, each.path, each.position, Text(text_of(each.value)))


def _text(value: Value | None) -> Text | None:
    return None if value is None else Text(text_of(value))


def _body(frame: bytes) -> str:
    """Return the body of a message; for an invalid frame all its bytes, which are no valid body."""
    try:
        body = read_frame(frame).body
    except ValueError:
        body = frame
    return body.decode(errors="replace")
