"""Runs, their hops and twins, values and variables, and what workers publish."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0001"
down_revision: Final = None

_OPEN: Final = sa.text("completed_at IS NULL")
_DUE: Final = sa.text("completed_at IS NULL AND due_at IS NOT NULL")
_INTERRUPTED: Final = sa.text("completed_at IS NULL AND interruptions > 0")
_CLOSING: Final = sa.text("completed_at IS NULL AND closes_at IS NOT NULL")
_COMPLETED: Final = sa.text("status = 'completed'")
_KEYED: Final = sa.text("dispatch_key IS NOT NULL")


def upgrade() -> None:
    """Make the first schema."""
    _runs()
    _steps()
    _messages()
    _values()
    _directory()
    _dead_letters()


def _text(name: str, *, null: bool = False) -> sa.Column[Any]:
    return sa.Column(name, sa.Text(), nullable=null)


def _time(name: str, *, null: bool = True) -> sa.Column[Any]:
    timestamptz = sa.TIMESTAMP(timezone=True)
    return sa.Column(name, timestamptz.with_variant(sa.Double(), "sqlite"), nullable=null)


def _number(name: str) -> sa.Column[Any]:
    return sa.Column(name, sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=True))


def _hop_key() -> list[sa.Column[Any]]:
    return [
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        _text("path"),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
    ]


def _of_run(table: str) -> sa.ForeignKeyConstraint:
    name = f"{table}_workflow_id_fkey"
    return sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name=name)


def _partial(name: str, table: str, columns: list[str], where: Any, *, unique: bool = False) -> None:
    op.create_index(name, table, columns, unique=unique, sqlite_where=where, postgresql_where=where)


def _runs() -> None:
    op.create_table(
        "workflow_runs",
        _number("number"),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        *(_text("namespace"), _text("workflow"), _text("tenant", null=True), _text("dispatch_key", null=True)),
        *(_text("trace_id"), _text("input"), _text("input_sha256")),
        *(_text("status"), _text("reason", null=True), _text("cancel_requested", null=True)),
        *(_time("deadline"), _time("closes_at")),
        *(_time("created_at", null=False), _time("started_at"), _time("completed_at")),
        *(_text("error", null=True), _text("output", null=True)),
        sa.PrimaryKeyConstraint("number", name="workflow_runs_pkey"),
        sa.UniqueConstraint("workflow_id", name="workflow_runs_workflow_id_key"),
    )
    key = ["namespace", "workflow", "dispatch_key"]
    _partial("workflow_runs_dispatch_key", "workflow_runs", key, _KEYED, unique=True)
    _partial("workflow_runs_closing", "workflow_runs", ["namespace", "closes_at"], _CLOSING)
    op.create_index("workflow_runs_status", "workflow_runs", ["namespace", "status", "number"])
    op.create_index("workflow_runs_workflow", "workflow_runs", ["namespace", "workflow", "number"])


def _steps() -> None:
    op.create_table(
        "step_executions",
        *_hop_key(),
        *(_text("namespace"), _text("topic")),
        sa.Column("step_id", sa.Uuid(), nullable=False),
        _text("direction"),
        sa.Column("undoes", sa.BigInteger(), nullable=True),
        _text("status"),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("interruptions", sa.Integer(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        *(_text("owner", null=True), _time("due_at"), _time("hint_at", null=False)),
        sa.Column("hints", sa.Integer(), nullable=False),
        *(_text("worker", null=True), _time("started_at"), _time("completed_at")),
        sa.Column("committed_by", sa.Uuid(), nullable=True),
        *(_text("reason", null=True), _text("output", null=True), _text("log", null=True)),
        sa.Column("compensable", sa.Boolean(), nullable=False),
        *(_text("undo_before", null=True), _text("errors", null=True)),
        sa.PrimaryKeyConstraint("workflow_id", "path", "position", name="step_executions_pkey"),
        _of_run("step_executions"),
    )
    _partial("step_executions_due", "step_executions", ["namespace", "topic", "due_at"], _OPEN)
    _partial("step_executions_interrupted", "step_executions", ["namespace", "due_at"], _INTERRUPTED)
    _partial("step_executions_hint", "step_executions", ["namespace", "hint_at"], _DUE)
    deed = ["workflow_id", "step_id", "direction"]
    _partial("step_executions_once", "step_executions", deed, _COMPLETED, unique=True)


def _messages() -> None:
    key = ["workflow_id", "path", "position"]
    op.create_table(
        "messages",
        *_hop_key(),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint(*key, name="messages_pkey"),
        sa.ForeignKeyConstraint(key, [f"step_executions.{name}" for name in key], name="messages_workflow_id_fkey"),
    )


def _values() -> None:
    op.create_table(
        "values",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        _text("sha256"),
        sa.Column("json", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "sha256", name="values_pkey"),
        _of_run("values"),
    )
    op.create_table(
        "workflow_variables",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        *(_text("name"), _text("value"), _time("updated_at", null=False)),
        sa.PrimaryKeyConstraint("workflow_id", "name", name="workflow_variables_pkey"),
        _of_run("workflow_variables"),
    )


def _directory() -> None:
    for table, content in (("workflows", "plan"), ("activities", "card")):
        op.create_table(
            table,
            *(_text("namespace"), _text("name"), _text(content), _time("published_at", null=False)),
            sa.PrimaryKeyConstraint("namespace", "name", name=f"{table}_pkey"),
        )
    op.create_table(
        "workers",
        *(_text("namespace"), _text("id"), _text("host")),
        sa.Column("pid", sa.Integer(), nullable=False),
        *(_text("topics"), _time("seen_at", null=False)),
        sa.PrimaryKeyConstraint("namespace", "id", name="workers_pkey"),
    )


def _dead_letters() -> None:
    op.create_table(
        "dead_letters",
        _number("id"),
        *(_text("namespace"), _text("topic"), _text("message_id", null=True), _text("reason")),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        _time("created_at", null=False),
        sa.PrimaryKeyConstraint("id", name="dead_letters_pkey"),
    )
    op.create_index("dead_letters_namespace", "dead_letters", ["namespace", "id"])
