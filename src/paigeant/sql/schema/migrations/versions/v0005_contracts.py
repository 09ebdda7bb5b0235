"""Hops that wait for code that fits their interface, and those for which a person accepts any code."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0005"
down_revision: Final = "0004"

_MISFIT: Final = sa.text("completed_at IS NULL AND contract IS NOT NULL")


def upgrade() -> None:
    """Add the columns and the index."""
    op.add_column("step_executions", sa.Column("contract", sa.Text(), nullable=True))
    op.add_column("step_executions", sa.Column("accepted", sa.Boolean(), nullable=True))
    columns = ["namespace", "topic", "contract"]
    name = "step_executions_misfit"
    op.create_index(name, "step_executions", columns, sqlite_where=_MISFIT, postgresql_where=_MISFIT)
