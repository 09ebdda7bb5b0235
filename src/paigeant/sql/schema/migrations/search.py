"""Indexes of migration 0006 for searches of runs: of a namespace, and by error and wait reason."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

_ERROR_TYPE: Final = {
    "sqlite": """substr(error, 10, instr(substr(error, 10), '"') - 1)""",
    "postgresql": """split_part(error, '"', 4)""",
}
_ERROR_STEP: Final = {
    "sqlite": "CASE WHEN json_valid(error) THEN json_extract(error, '$.step') END",
    "postgresql": """substring(error from '"step":"([^"]*)"(,"path":"[^"]*")?(,"position":(null|[0-9]+))?[}]$')""",
}


def add_search() -> None:
    """Create the indexes."""
    dialect, failed, runs = op.get_bind().dialect.name, sa.text("error IS NOT NULL"), "workflow_runs"
    op.create_index(f"{runs}_number", runs, ["namespace", "number"])
    for index, part in (("error", _ERROR_TYPE), ("error_step", _ERROR_STEP)):
        columns = ["namespace", sa.text(part[dialect]), "number"]
        op.create_index(f"{runs}_{index}", runs, columns, sqlite_where=failed, postgresql_where=failed)
    for name, columns in (("reason", ["namespace", "reason", "workflow_id"]), ("awaits", ["namespace", "workflow_id"])):
        given, table = sa.text(f"completed_at IS NULL AND {name} IS NOT NULL"), "step_executions"
        op.create_index(f"{table}_{name}", table, columns, sqlite_where=given, postgresql_where=given)
