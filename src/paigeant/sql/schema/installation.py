"""Tables outside of runs: publications, workers, the clock, dead letters, and tokens."""

from __future__ import annotations

from typing import Final

from pydantic import TypeAdapter
from sqlalchemy import BigInteger, Boolean, Column, Double, Identity, Integer, LargeBinary, Table, Text, false

from paigeant.model.plan import ActivityCard, Plan
from paigeant.model.stored.words import UNREADABLE
from paigeant.sql.schema.tables import BIG, metadata
from paigeant.sql.schema.types import StoreTime, lenient_json_of

_NAMES: Final = TypeAdapter(tuple[str, ...])

workflows: Final = Table(
    "workflows",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("plan", lenient_json_of(TypeAdapter(Plan), None), nullable=False),
    Column("published_at", StoreTime, nullable=False),
)

activities: Final = Table(
    "activities",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("card", lenient_json_of(TypeAdapter(ActivityCard), None), nullable=False),
    Column("published_at", StoreTime, nullable=False),
)

workers: Final = Table(
    "workers",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("host", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("topics", lenient_json_of(_NAMES, ()), nullable=False),
    Column("workflows", lenient_json_of(_NAMES, ()), nullable=False, server_default="[]"),
    Column("seen_at", StoreTime, nullable=False),
    Column("draining", Boolean, nullable=False, server_default=false()),
)
"""Living workers. ``draining``: it was asked to drain; its own reports do not change that."""

store_clock: Final = Table(
    "store_clock",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("boot", Text, nullable=False),
    Column("base", Double, nullable=False),
    Column("ahead", Double, nullable=False),
)
"""One row on SQLite, which has no clock of its own: see :mod:`paigeant.sql.sqlite.clock`. A server has one."""

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("id", BIG, Identity(always=True), primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("topic", Text, nullable=False),
    Column("message_id", Text),
    Column("reason", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("created_at", StoreTime, nullable=False),
    Column("detail", Text),
    Column("size", BigInteger),
    Column("digest", LargeBinary),
    Column("count", Integer),
    Column("seen_at", StoreTime),
)
"""Dead letters: rejected messages of a broker, with their raw bytes or, beyond a size, their head. Messages with the
same ``digest``, which covers all bytes, are one letter of a topic: ``count`` of them arrived."""

access_tokens: Final = Table(
    "access_tokens",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("role", Text, nullable=False),
    Column("payloads", Boolean, nullable=False),
    Column("workflows", lenient_json_of(_NAMES, (UNREADABLE,)), nullable=False),  # an empty list would mean all
    Column("created_at", StoreTime, nullable=False),
    Column("expires_at", StoreTime),
)
"""Tokens of the HTTP API, by their SHA-256."""
