"""Indexes of what runs are looked for by, as version 0006 has them: the error they ended with, what they wait for."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

_ERROR_TYPE: Final = {
    "sqlite": """substr(error, 10, instr(substr(error, 10), '"') - 1)""",
    "postgresql": """split_part(error, '"', 4)""",
}


def add_search() -> None:
    """Make the indexes."""
    kind, failed = sa.text(_ERROR_TYPE[op.get_bind().dialect.name]), sa.text("error IS NOT NULL")
    columns = ["namespace", kind, "number"]
    op.create_index("workflow_runs_error", "workflow_runs", columns, sqlite_where=failed, postgresql_where=failed)
    for name, columns in (("reason", ["namespace", "reason", "workflow_id"]), ("awaits", ["namespace", "workflow_id"])):
        given, table = sa.text(f"completed_at IS NULL AND {name} IS NOT NULL"), "step_executions"
        op.create_index(f"{table}_{name}", table, columns, sqlite_where=given, postgresql_where=given)
