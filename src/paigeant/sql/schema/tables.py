"""Tables of runs and hops. Frequently updated columns are narrow; wide ones are written once.

Times are the store's. A hop that is not done (``completed_at IS NULL``) is a durable twin; the partial indexes contain
only these, so that the queue stays small, however long the history.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, TypeAlias
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
)
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from paigeant.model.outcomes import AttemptError
from paigeant.model.revision import Revision
from paigeant.model.routing_slip import Compensation
from paigeant.model.runs import RunError
from paigeant.model.values.values import Value, read_value, read_values, text_of, text_of_all
from paigeant.sql.schema.types import Bytes, Json, StoreTime, json_of, lenient_json_of

Columns: TypeAlias = ReadOnlyColumnCollection[str, Column[Any]]
"""The columns of a table."""

metadata: Final = MetaData(
    naming_convention={
        "pk": "%(table_name)s_pkey",
        "fk": "%(table_name)s_%(column_0_name)s_fkey",
        "uq": "%(table_name)s_%(column_0_name)s_key",
    }
)
"""All tables. Every constraint has a name, so that a later migration can refer to it."""

BIG: Final = BigInteger().with_variant(Integer(), "sqlite")
"""Integer type for generated keys: SQLite generates them only in an INTEGER PRIMARY KEY."""

OPEN_RUN: Final = "open"
"""Status of a run that has not ended."""

_value: Final[Json[Value]] = Json(text_of, read_value)
_SPOILT: Final = "what is stored here cannot be read: somebody has edited it"
SPOILT_RUN: Final = RunError(type="Unreadable", message=_SPOILT)
SPOILT: Final = AttemptError(type="Unreadable", message=_SPOILT, attempt=0, at=datetime(1970, 1, 1, tzinfo=UTC))
"""Value read in place of an unreadable error, so that the rest of the run is shown."""

ERRORS: Final = TypeAdapter(tuple[AttemptError, ...])


def run_column(**options: Any) -> Column[UUID]:
    """Return the column with the run of a row."""
    return Column("workflow_id", Uuid, ForeignKey("workflow_runs.workflow_id"), **options)


workflow_runs: Final = Table(
    "workflow_runs",
    metadata,
    Column("number", BIG, Identity(always=True), primary_key=True),
    Column("workflow_id", Uuid, nullable=False, unique=True),
    Column("namespace", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    *(Column(name, Text) for name in ("tenant", "dispatch_key", "correlation_id")),
    Column("trace_id", Text, nullable=False),
    Column("input", _value, nullable=False),
    Column("input_sha256", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("cancel_requested", Text),
    Column("edited", Boolean),
    Column("deadline", StoreTime),
    Column("closes_at", StoreTime),
    Column("created_at", StoreTime, nullable=False),
    Column("started_at", StoreTime),
    Column("completed_at", StoreTime),
    Column("error", lenient_json_of(TypeAdapter(RunError), SPOILT_RUN)),
    Column("output", _value),
    Column("forked_from", Uuid),
    Column("forked_at", BigInteger),
    Column("closing", lenient_json_of(TypeAdapter(tuple[str, ...]), ())),
    Column("parent_id", Uuid),
    Column("parent_path", Text),
    *(Column(name, BigInteger) for name in ("parent_position", "reports_to")),
    Column("undo", json_of(TypeAdapter(tuple[Compensation, ...]))),
)
"""Runs, one row each. ``status`` is the final status, or ``open``: the status of an open run follows from its open
hops. ``number`` is the order of recording; ``closes_at`` is the time to end it from outside: its deadline, or the time
of a cancel request. ``edited``: a person has set variables of it. ``started_at`` is set once a hop was leased more than
once; until then its first leased hop has that time. ``forked_from`` is the run whose hops before the position
``forked_at`` it has inherited. ``closing`` has the path prefixes of branches that are to end: here, where leases,
heartbeats and commits read it, and not in rows that are leased. A child run has the place of the node that began it,
and ``reports_to``, the position on the same path of the hop that waits for its end; ``undo`` are the compensations of a
completed child run."""

step_executions: Final = Table(
    "step_executions",
    metadata,
    run_column(primary_key=True),
    Column("path", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("namespace", Text, nullable=False),
    Column("step", Text, nullable=False),
    Column("step_id", Uuid, nullable=False),
    Column("direction", Text, nullable=False),
    Column("undoes_path", Text),
    Column("undoes_position", BigInteger),
    Column("status", Text, nullable=False),
    Column("attempt", Integer, nullable=False),
    Column("interruptions", Integer, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("owner", Text),
    Column("due_at", StoreTime),
    Column("hint_at", StoreTime, nullable=False),
    Column("hints", Integer, nullable=False),
    Column("worker", Text),
    Column("started_at", StoreTime),
    Column("completed_at", StoreTime),
    Column("committed_by", Uuid),
    Column("reason", Text),
    Column("input", Json(text_of_all, read_values)),
    Column("output", _value),
    Column("error", lenient_json_of(TypeAdapter(AttemptError), SPOILT)),
    Column("log", _value),
    Column("compensable", Boolean, nullable=False),
    Column("undo_before", json_of(TypeAdapter(tuple[Compensation, ...]))),
    Column("errors", lenient_json_of(ERRORS, (SPOILT,))),
    Column("interface", Text),
    Column("accepted", Boolean),
    Column("kind", Text),
    Column("label", Text),
    Column("awaits", Text),
    Column("wait", Text),
    Column("revision", lenient_json_of(TypeAdapter(Revision), Revision(author="unknown", reason=_SPOILT))),
    Column("epoch", Integer),
    Column("head", Text),
    Column("closes", Boolean),
    Column("body", Bytes),
    Column("digest", Bytes),
)
"""Hops, one row each, and passed entries. ``step`` is the topic of its message. ``input`` has the values of its
arguments, ``output`` its result, ``error`` the error that ended it, ``errors`` those of all attempts.

``due_at``: not to be leased before: a delay, a retry, or the end of the present lease; NULL until somebody resumes it.
``owner`` holds the lease, ``worker`` held the last one. ``interface`` is set while the hop waits for code that fits it;
``accepted``: a person accepts any code for it. ``awaits`` is the name of the signal that it waits for. For an entry
that is not a step, ``kind`` and ``label`` describe it, and ``wait`` is the state of its wait. ``revision`` is the
step's change of the itinerary. ``epoch`` is the number of times the step was started afresh, NULL if never, ``head``
the digest of the signed record made when the hop was left. ``closes``: its branch is to end, and any worker may end it.
``body`` has the exact sealed bytes of the twin's message, ``digest`` their SHA-256. They are last: a large body is
stored apart."""

signals: Final = Table(
    "signals",
    metadata,
    Column("number", BIG, Identity(always=True), primary_key=True),
    run_column(nullable=False),
    Column("signal_id", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("payload", _value, nullable=False),
    Column("path", Text),
    Column("position", BigInteger),
    Column("sent_at", StoreTime, nullable=False),
)
"""Signals of runs, in order of arrival, with the place of the hop met; kept with their run, as an id counts once."""

heartbeats: Final = Table(
    "heartbeats",
    metadata,
    Column("workflow_id", Uuid, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("detail", LargeBinary, nullable=False),
    Column("said_at", StoreTime, nullable=False),
    ForeignKeyConstraint(
        ["workflow_id", "path", "position"],
        ["step_executions.workflow_id", "step_executions.path", "step_executions.position"],
    ),
)
"""Last progress of steps, as JSON text. Separate from the hop's row, which each heartbeat rewrites."""

values: Final = Table(
    "values",
    metadata,
    run_column(primary_key=True),
    Column("sha256", Text, primary_key=True),
    Column("json", LargeBinary, nullable=False),
)
"""Values behind claim checks: JSON texts under their digest."""

plans: Final = Table(
    "plans",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("entries", Bytes, nullable=False),
)
"""Itineraries too long to travel: JSON arrays under their SHA-256 in hex, each once for all runs of a namespace."""

run_plans: Final = Table(
    "run_plans",
    metadata,
    run_column(primary_key=True),
    Column("digest", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    ForeignKeyConstraint(["namespace", "digest"], ["plans.namespace", "plans.digest"]),
)
"""References of runs to plans: a plan stays as long as one run refers to it."""

workflow_variables: Final = Table(
    "workflow_variables",
    metadata,
    run_column(primary_key=True),
    Column("name", Text, primary_key=True),
    Column("path", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("value", _value, nullable=False),
    Column("updated_at", StoreTime, nullable=False),
)
"""Variables set by hops. Outputs are variables too, and are in the rows of the hops. Each hop writes at its own place,
so that none overwrites another's value. A person's value is at the place before the trunk's newest hop, as if the hop
before it had set it last."""
