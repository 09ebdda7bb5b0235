"""Progress of running steps."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0002"
down_revision: Final = "0001"

_KEY: Final = ("workflow_id", "path", "position")


def upgrade() -> None:
    """Add the table of heartbeats."""
    op.create_table(
        "heartbeats",
        sa.Column("workflow_id", sa.Uuid(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False, autoincrement=False),
        sa.Column("detail", sa.LargeBinary(), nullable=False),
        sa.Column("said_at", sa.TIMESTAMP(timezone=True).with_variant(sa.Double(), "sqlite"), nullable=False),
        sa.PrimaryKeyConstraint(*_KEY, name="heartbeats_pkey"),
        sa.ForeignKeyConstraint(
            _KEY,
            [f"step_executions.{name}" for name in _KEY],
            name="heartbeats_workflow_id_fkey",
        ),
    )
