"""The tables of custody: what is signed, and what is sealed. Of what is signed nobody changes a row."""

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
"""What is signed of a run's dispatch, at position 0, and of each hop that was left, written with it. ``digest`` is what
the next record names as the one before it, for people to search; whoever verifies computes it. ``at`` is when it was
written: whether a key was revoked by then nobody who signs can choose."""

grants: Final = Table(
    "grants",
    metadata,
    Column("workflow_id", Uuid, ForeignKey("workflow_runs.workflow_id"), primary_key=True),
    Column("handle", Text, nullable=False),
    Column("sealed", Text, nullable=False),
    Column("expires_at", Text, nullable=False),
    Column("stored_at", StoreTime, nullable=False),
)
"""For whom open runs act: the token of the person, sealed, and until when that is good, by its issuer's clock. It goes
with the end of its run, and another takes its place: unlike the rest of these tables it is updated and deleted from."""

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
"""What people did, with who it was: to a run, or to none. ``text`` and ``jws`` are there if it is signed."""

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
"""The public halves of keys that processes sign with: vouchers, which prove themselves, and keys of development."""
