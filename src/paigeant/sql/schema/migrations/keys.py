"""Table of migration 0006 for published keys."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op


def add_keys() -> None:
    """Create the table of published keys, by their thumbprints."""
    time = sa.TIMESTAMP(timezone=True).with_variant(sa.Double(), "sqlite")
    op.create_table(
        "signing_keys",
        *(sa.Column(name, sa.Text(), nullable=False) for name in ("namespace", "kid", "kind", "text")),
        sa.Column("jws", sa.Text(), nullable=True),
        sa.Column("until", time, nullable=True),
        sa.Column("at", time, nullable=False),
        sa.PrimaryKeyConstraint("namespace", "kid", name="signing_keys_pkey"),
    )
    op.create_index("signing_keys_newest", "signing_keys", ["namespace", "at"])
