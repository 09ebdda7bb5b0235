"""All tables: importing this module registers every one of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import MetaData, Table

from paigeant.sql.schema import branch_tables, calls, installation
from paigeant.sql.schema.tables import metadata

WHOLE: Final[MetaData] = metadata
"""The tables, by name."""

JOINED: Final = (branch_tables.joins, branch_tables.branches)
"""Tables of nodes with branches."""

KEPT: Final = frozenset({calls.ledger, installation.dead_letters})
"""Tables whose rows outlive their run, or belong to none."""


def tables_of_runs() -> Sequence[Table]:
    """Return the tables whose rows are deleted with a run, referring tables first."""
    return [table for table in reversed(WHOLE.sorted_tables) if "workflow_id" in table.c and table not in KEPT]
