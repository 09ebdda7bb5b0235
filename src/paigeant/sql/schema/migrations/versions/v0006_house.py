"""The columns take the names of the specification."""

from __future__ import annotations

from typing import Final

from alembic import op

revision: Final = "0006"
down_revision: Final = "0005"


def upgrade() -> None:
    """Rename them; indexes follow."""
    op.alter_column("step_executions", "contract", new_column_name="interface")
