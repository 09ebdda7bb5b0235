"""Dead letters are stored once each, with their fault, and counted."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa
from alembic import op

revision: Final = "0004"
down_revision: Final = "0003"


def upgrade() -> None:
    """Add the facts of a letter, and the index of its digest."""
    time = sa.TIMESTAMP(timezone=True).with_variant(sa.Double(), "sqlite")
    for column in (
        sa.Column("detail", sa.Text()),
        sa.Column("size", sa.BigInteger()),
        sa.Column("digest", sa.LargeBinary()),
        sa.Column("count", sa.Integer()),
        sa.Column("seen_at", time),
    ):
        op.add_column("dead_letters", column)
    op.create_index("dead_letters_once", "dead_letters", ["namespace", "topic", "digest"], unique=True)
