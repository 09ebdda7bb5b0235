"""Tables of custody: signed records and deeds, keys, and sealed grants. Signed rows are never updated."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Table, Text, Uuid

from paigeant.sql.schema.tables import metadata
from paigeant.sql.schema.types import StoreTime

records: Final = Table(
    "records",
    metadata,
    Column("workflow_id", Uuid, ForeignKey("workflow_runs.workflow_id"), primary_key=True),
    Column("path", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("fence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("jws", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("at", StoreTime, nullable=False),
)
"""Signed records of a run's dispatch, at position 0, and of each hop that was left, written together with it.
``digest`` is the link that the next record names, for people to search; a verifier computes it. ``at`` is the time of
writing, which decides about revoked keys, and which no signer can choose."""

grants: Final = Table(
    "grants",
    metadata,
    Column("workflow_id", Uuid, ForeignKey("workflow_runs.workflow_id"), primary_key=True),
    Column("handle", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("stored_at", StoreTime, nullable=False),
)
"""Grants of open runs: the person's token, sealed, and its expiry, by its issuer's clock. A grant is deleted at the end
of its run, and may be replaced: unlike the other tables here this one has updates and deletes."""

deeds: Final = Table(
    "deeds",
    metadata,
    Column("deed_id", Uuid, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("workflow_id", Uuid, ForeignKey("workflow_runs.workflow_id")),
    Column("at", StoreTime, nullable=False),
    Column("verb", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("via", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("text", Text),
    Column("jws", Text),
    Index("deeds_of_run", "workflow_id", "at"),
    Index("deeds_of_namespace", "namespace", "at"),
)
"""Deeds of people, to a run or to none. ``text`` and ``jws`` are set if it is signed."""

signing_keys: Final = Table(
    "signing_keys",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("kid", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("text", Text, nullable=False),
    Column("jws", Text),
    Column("until", StoreTime),
    Column("at", StoreTime, nullable=False),
    Index("signing_keys_newest", "namespace", "at"),
)
"""Public halves of the keys that processes sign with: vouchers, which prove themselves, and development keys."""
