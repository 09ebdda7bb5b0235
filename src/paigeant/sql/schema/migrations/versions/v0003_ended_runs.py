"""Index of ended runs by time, so that pruning does not scan the history."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0003"
down_revision: Final = "0002"

_ENDED: Final = sa.text("completed_at IS NOT NULL")


def upgrade() -> None:
    """Add the index."""
    columns = ["namespace", "status", "completed_at"]
    op.create_index("workflow_runs_ended", "workflow_runs", columns, sqlite_where=_ENDED, postgresql_where=_ENDED)
