"""Table of migration 0006 for access tokens."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def add_tokens() -> None:
    """Create the table of tokens, by their digests."""
    time = sa.TIMESTAMP(timezone=True).with_variant(sa.Double(), "sqlite")
    op.create_table(
        "access_tokens",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("namespace", "name", "digest", "role")),
        sa.Column("payloads", sa.Boolean(), nullable=False),
        sa.Column("workflows", sa.Text(), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("expires_at", time, nullable=True),
        sa.PrimaryKeyConstraint("namespace", "name", name="access_tokens_pkey"),
    )
    op.create_index("access_tokens_digest", "access_tokens", ["namespace", "digest"], unique=True)
