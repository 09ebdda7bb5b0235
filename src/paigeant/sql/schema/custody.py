"""The tables of custody: what is signed. Nobody changes a row of them; a database role need only insert and read."""

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
