"""Tables of migration 0006 for calls within steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def add_calls() -> None:
    """Create the tables of recordings."""
    op.add_column("step_executions", sa.Column("epoch", sa.Integer(), nullable=True))
    _checkpoints()
    _ledger()
    _histories()
    _approvals()
    _pauses()
    _budgets()


def _time(name: str = "recorded_at", *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True).with_variant(sa.Double(), "sqlite"), nullable=nullable)


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text(), nullable=nullable) for name in names]


def _numbers(*names: str, nullable: bool = False) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger(), nullable=nullable, autoincrement=False) for name in names]


def _call() -> list[sa.Column[object]]:
    """Return the columns that name a call."""
    return [
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("step_id", sa.Uuid(), nullable=False),
        sa.Column("direction", sa.Text(), nullable=False),
        sa.Column("epoch", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("key", sa.Text(), nullable=False),
    ]


_CALL = ("workflow_id", "step_id", "direction", "epoch", "key")


def _checkpoints() -> None:
    op.create_table(
        "checkpoints",
        *_call(),
        *_texts("fingerprint", nullable=True),
        *_texts("kind"),
        *_texts("library", "worker", nullable=True),
        *_numbers("fence", "took_us"),
        _time(),
        sa.Column("payload", sa.LargeBinary(), nullable=False),
        sa.Column("jws", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint(*_CALL, name="checkpoints_pkey"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name="checkpoints_workflow_id_fkey"),
    )


def _ledger() -> None:
    tokens = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    op.create_table(
        "ledger",
        *_call(),
        *_texts("namespace", "workflow"),
        *_texts("tenant", nullable=True),
        *_texts("path"),
        *_numbers("position"),
        *_texts("step"),
        *_texts("agent", nullable=True),
        *_texts("provider", "model"),
        *_numbers(*tokens),
        *_numbers("cost_picos", nullable=True),
        *_numbers("fence"),
        _time(),
        sa.Column("jws", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint(*_CALL, name="ledger_pkey"),
    )
    op.create_index("ledger_day", "ledger", ["namespace", "recorded_at"])


def _histories() -> None:
    op.create_table(
        "histories",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        *_texts("path"),
        *_numbers("position"),
        *_texts("name", nullable=True),
        *_texts("library"),
        *_numbers("size"),
        _time(),
        sa.Column("payload", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("workflow_id", "path", "position", name="histories_pkey"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name="histories_workflow_id_fkey"),
    )


def _approvals() -> None:
    op.create_table(
        "approvals",
        sa.Column(
            "id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), sa.Identity(always=True), primary_key=True
        ),
        *_texts("namespace"),
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        *_texts("workflow", "path"),
        *_numbers("position"),
        *_texts("step"),
        sa.Column("step_id", sa.Uuid(), nullable=False),
        *_texts("direction"),
        sa.Column("epoch", sa.Integer(), nullable=False),
        *_texts("key", "kind", "tool", "arguments"),
        *_texts("metadata", nullable=True),
        *_texts("status"),
        _time("asked_at"),
        _time("expires_at", nullable=True),
        *_texts("answer", "answered_by", nullable=True),
        _time("answered_at", nullable=True),
        sa.PrimaryKeyConstraint("id", name="approvals_pkey"),
        sa.ForeignKeyConstraint(["workflow_id"], ["workflow_runs.workflow_id"], name="approvals_workflow_id_fkey"),
    )
    op.create_index("approvals_once", "approvals", list(_CALL), unique=True)
    still = sa.text("status = 'open'")
    columns = ["namespace", "id"]
    op.create_index("approvals_open", "approvals", columns, sqlite_where=still, postgresql_where=still)


def _pauses() -> None:
    op.create_table(
        "pauses",
        *_texts("namespace", "model"),
        _time("until"),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("namespace", "model", name="pauses_pkey"),
    )


def _budgets() -> None:
    op.create_table(
        "budgets",
        *_texts("namespace", "scope"),
        *_numbers("spent_picos", "spent_tokens"),
        *_numbers("cap_picos", "cap_tokens", "raised_picos", "raised_tokens", nullable=True),
        _time("updated_at"),
        sa.PrimaryKeyConstraint("namespace", "scope", name="budgets_pkey"),
    )
    op.create_table(
        "reservations",
        *_texts("namespace", "scope"),
        *_call(),
        *_texts("path"),
        *_numbers("position", "fence", "picos", "tokens"),
        sa.PrimaryKeyConstraint("namespace", "scope", *_CALL, name="reservations_pkey"),
    )
    op.create_index("reservations_call", "reservations", list(_CALL))
