"""Places by path and position, and derived status of open runs, in all tables."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from paigeant.errors import ConfigError
from paigeant.sql.schema.migrations.calls import add_calls
from paigeant.sql.schema.migrations.keys import add_keys
from paigeant.sql.schema.migrations.search import add_search
from paigeant.sql.schema.migrations.tokens import add_tokens

revision: Final = "0006"
down_revision: Final = "0005"

_OPEN: Final = sa.text("completed_at IS NULL")
_DONE: Final = sa.text("status = 'completed' AND direction = 'execute'")
_STUCK: Final = sa.text(
    "completed_at IS NULL AND status = 'waiting' AND awaits IS NULL AND (interface IS NOT NULL "
    "OR reason = 'unserved' OR (due_at IS NULL AND reason NOT IN ('join', 'child', 'approval')))"
)
_IN_FLIGHT: Final = sa.text("SELECT count(*) FROM workflow_runs WHERE completed_at IS NULL")


def upgrade() -> None:
    """Change tables and their rows; indexes follow renamed columns. Raises ConfigError if a run is open."""
    _refuse_open_runs()
    _runs()
    _steps()
    _variables()
    _plans()
    add_calls()
    add_tokens()
    add_search()
    _clock()
    op.add_column("workers", sa.Column("workflows", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("workers", sa.Column("draining", sa.Boolean(), nullable=False, server_default=sa.false()))
    _signals()
    _custody()
    add_keys()
    _branches()


def _refuse_open_runs() -> None:
    """Refuse a database with open runs: no code remains that reads their messages."""
    count: int = op.get_bind().execute(_IN_FLIGHT).scalar_one()
    if count:
        runs = "1 run is" if count == 1 else f"{count} runs are"
        raise ConfigError(
            f"{runs} in flight, and this version does not read the messages of the one before; nothing was changed. "
            "Go back to the version that made this database and run its workers until `paigeant runs` shows none that "
            "is pending, running or waiting, or end the rest with `paigeant terminate`; then upgrade again"
        )


def _runs() -> None:
    op.execute("UPDATE workflow_runs SET status = 'open' WHERE completed_at IS NULL")
    op.drop_column("workflow_runs", "reason")
    op.add_column("workflow_runs", sa.Column("correlation_id", sa.Text(), nullable=True))
    for name in ("tenant", "correlation_id"):
        given = sa.text(f"{name} IS NOT NULL")
        columns = ["namespace", name, "number"]
        op.create_index(f"workflow_runs_{name}", "workflow_runs", columns, sqlite_where=given, postgresql_where=given)
    op.create_index("workflow_runs_trace", "workflow_runs", ["namespace", "trace_id"])
    op.add_column("workflow_runs", sa.Column("edited", sa.Boolean(), nullable=True))
    op.add_column("workflow_runs", sa.Column("forked_from", sa.Uuid(), nullable=True))
    op.add_column("workflow_runs", sa.Column("forked_at", sa.BigInteger(), nullable=True))
    forked, columns = sa.text("forked_from IS NOT NULL"), ["forked_from", "number"]
    op.create_index("workflow_runs_forks", "workflow_runs", columns, sqlite_where=forked, postgresql_where=forked)
    op.add_column("workflow_runs", sa.Column("closing", sa.Text(), nullable=True))
    op.add_column("workflow_runs", sa.Column("parent_id", sa.Uuid(), nullable=True))
    op.add_column("workflow_runs", sa.Column("parent_path", sa.Text(), nullable=True))
    for name in ("parent_position", "reports_to"):
        op.add_column("workflow_runs", sa.Column(name, sa.BigInteger(), nullable=True))
    op.add_column("workflow_runs", sa.Column("undo", sa.Text(), nullable=True))
    child = sa.text("parent_id IS NOT NULL")
    for name, columns in (
        ("workflow_runs_children", ["parent_id", "number"]),
        ("workflow_runs_of_node", ["parent_id", "parent_path", "parent_position", "number"]),
    ):
        op.create_index(name, "workflow_runs", columns, sqlite_where=child, postgresql_where=child)


def _steps() -> None:
    op.alter_column("step_executions", "topic", new_column_name="step")
    op.alter_column("step_executions", "contract", new_column_name="interface")
    op.add_column("step_executions", sa.Column("input", sa.Text(), nullable=True))
    for name in ("kind", "label", "awaits", "wait", "revision", "head"):
        op.add_column("step_executions", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("step_executions", sa.Column("closes", sa.Boolean(), nullable=True))
    op.add_column("step_executions", sa.Column("error", sa.Text(), nullable=True))
    op.alter_column("step_executions", "undoes", new_column_name="undoes_position")
    op.add_column("step_executions", sa.Column("undoes_path", sa.Text(), nullable=True))
    op.execute("UPDATE step_executions SET undoes_path = '' WHERE undoes_position IS NOT NULL")
    op.execute("UPDATE step_executions SET undo_before = '[' || undo_before || ']' WHERE undo_before IS NOT NULL")
    _bodies()
    columns = ["workflow_id"]
    op.create_index("step_executions_open", "step_executions", columns, sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_index(
        "step_executions_stuck",
        "step_executions",
        ["namespace", "workflow_id"],
        sqlite_where=_STUCK,
        postgresql_where=_STUCK,
    )
    misfit = sa.text("completed_at IS NULL AND interface IS NOT NULL")
    columns = ["namespace", "step", "interface", "workflow_id", "path", "position"]
    op.drop_index("step_executions_misfit", "step_executions")
    op.create_index("step_executions_misfit", "step_executions", columns, sqlite_where=misfit, postgresql_where=misfit)
    closing = sa.text("completed_at IS NULL AND closes IS NOT NULL")
    columns = ["namespace", "workflow_id", "path", "position"]
    op.create_index(
        "step_executions_closing", "step_executions", columns, sqlite_where=closing, postgresql_where=closing
    )
    columns = ["workflow_id", "step", "path", "position"]
    op.create_index("step_executions_output", "step_executions", columns, sqlite_where=_DONE, postgresql_where=_DONE)


def _bodies() -> None:
    """Move each message's bytes to the row of its hop."""
    for name in ("body", "digest"):
        op.add_column("step_executions", sa.Column(name, sa.LargeBinary(), nullable=True))
    op.execute(
        "UPDATE step_executions SET body = messages.body, digest = messages.digest FROM messages "
        "WHERE messages.workflow_id = step_executions.workflow_id AND messages.path = step_executions.path "
        "AND messages.position = step_executions.position"
    )
    op.drop_table("messages")


def _variables() -> None:
    """Recreate the table with another key; existing variables are placed at the last hop, and so win over outputs."""
    op.execute("CREATE TEMPORARY TABLE variables_before AS SELECT * FROM workflow_variables")
    op.drop_table("workflow_variables")
    op.create_table(
        "workflow_variables",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("updated_at", sa.TIMESTAMP(timezone=True).with_variant(sa.Double(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "name", "path", "position", name="workflow_variables_pkey"),
        sa.ForeignKeyConstraint(
            ["workflow_id"], ["workflow_runs.workflow_id"], name="workflow_variables_workflow_id_fkey"
        ),
    )
    op.execute(
        "INSERT INTO workflow_variables (workflow_id, name, path, position, value, updated_at) "
        "SELECT workflow_id, name, '', (SELECT coalesce(max(position), 0) FROM step_executions "
        "WHERE step_executions.workflow_id = variables_before.workflow_id), value, updated_at FROM variables_before"
    )
    op.execute("DROP TABLE variables_before")


def _plans() -> None:
    """Create the tables of long itineraries, and of the runs that refer to them."""
    op.create_table(
        "plans",
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("entries", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "digest", name="plans_pkey"),
    )
    op.create_table(
        "run_plans",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "digest", name="run_plans_pkey"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name="run_plans_workflow_id_fkey"),
        sa.ForeignKeyConstraint(
            ["namespace", "digest"], ["plans.namespace", "plans.digest"], name="run_plans_namespace_fkey"
        ),
    )
    op.create_index("run_plans_plan", "run_plans", ["namespace", "digest"])


def _clock() -> None:
    """Create the table of the clock of a SQLite file."""
    seconds: sa.Double[float] = sa.Double()
    op.create_table(
        "store_clock",
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("boot", sa.Text(), nullable=False),
        sa.Column("base", seconds, nullable=False),
        sa.Column("ahead", seconds, nullable=False),
        sa.PrimaryKeyConstraint("number", name="store_clock_pkey"),
    )


def _signals() -> None:
    """Create the table of signals."""
    op.create_table(
        "signals",
        sa.Column(
            "number",
            sa.BigInteger().with_variant(sa.Integer(), "sqlite"),
            sa.Identity(always=True),
            primary_key=True,
        ),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("signal_id", "name", "payload")),
        sa.Column("path", sa.Text(), nullable=True),
        sa.Column("position", sa.BigInteger(), nullable=True),
        sa.Column("sent_at", sa.TIMESTAMP(timezone=True).with_variant(sa.Double(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("number", name="signals_pkey"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name="signals_workflow_id_fkey"),
    )
    op.create_index("signals_once", "signals", ["workflow_id", "signal_id"], unique=True)
    kept = sa.text("position IS NULL")
    columns = ["workflow_id", "name", "number"]
    op.create_index("signals_kept", "signals", columns, sqlite_where=kept, postgresql_where=kept)


def _custody() -> None:
    """Create the tables of signed records and sealed grants."""
    op.create_table(
        "records",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        *(sa.Column(name, sa.BigInteger(), nullable=False, autoincrement=False) for name in ("position", "fence")),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("kind", "text", "jws", "digest")),
        sa.Column("at", sa.TIMESTAMP(timezone=True).with_variant(sa.Double(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", "path", "position", "fence", name="records_pkey"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name="records_workflow_id_fkey"),
    )
    op.create_table(
        "grants",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("handle", "sealed", "expires_at")),
        sa.Column("stored_at", sa.TIMESTAMP(timezone=True).with_variant(sa.Double(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint("workflow_id", name="grants_pkey"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name="grants_workflow_id_fkey"),
    )
    op.create_table(
        "deeds",
        sa.Column("deed_id", sa.Uuid(), nullable=False),
        sa.Column("namespace", sa.Text(), nullable=False),
        sa.Column("workflow_id", sa.Uuid(), nullable=True),
        sa.Column("at", sa.TIMESTAMP(timezone=True).with_variant(sa.Double(), "sqlite"), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("verb", "by", "via", "arguments")),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("text", "jws")),
        sa.PrimaryKeyConstraint("deed_id", name="deeds_pkey"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name="deeds_workflow_id_fkey"),
    )
    op.create_index("deeds_of_run", "deeds", ["workflow_id", "at"])
    op.create_index("deeds_of_namespace", "deeds", ["namespace", "at"])


def _branches() -> None:
    """Create the tables of joins and branches."""
    node = ("workflow_id", "path", "position")
    counts = ("written", "released", "arrived", "completed", "failed", "cancelled", "stuck", "undoable", "reopened")
    op.create_table(
        "joins",
        *_node_columns(),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in ("total", "needed", "window")),
        sa.Column("on_fault", sa.Text(), nullable=False),
        sa.Column("collect", sa.Boolean(), nullable=False),
        sa.Column("items", sa.Text(), nullable=True),
        sa.Column("back", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Integer(), nullable=False) for name in counts),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("undone", sa.Boolean(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("closing", "error")),
        sa.PrimaryKeyConstraint(*node, name="joins_pkey"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name="joins_workflow_id_fkey"),
    )
    op.create_table(
        "branches",
        *_node_columns(),
        sa.Column("number", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("place", sa.BigInteger(), nullable=False),
        sa.Column("ended", sa.Text(), nullable=True),
        sa.Column("rank", sa.Integer(), nullable=True),
        *(sa.Column(name, sa.Text(), nullable=True) for name in ("output", "undo", "error")),
        sa.PrimaryKeyConstraint(*node, "number", name="branches_pkey"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name="branches_workflow_id_fkey"),
    )


def _node_columns() -> tuple[sa.Column[Any], ...]:
    """Return the place of a node."""
    return (
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
    )
