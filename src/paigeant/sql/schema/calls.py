"""Tables of calls within steps: recordings, costs, approvals and budgets."""

from __future__ import annotations

from typing import Final

from sqlalchemy import BigInteger, Column, Identity, Integer, Table, Text, Uuid

from paigeant.sql.schema.tables import BIG, metadata, run_column
from paigeant.sql.schema.types import Bytes, StoreTime

checkpoints: Final = Table(
    "checkpoints",
    metadata,
    run_column(primary_key=True),
    Column("step_id", Uuid, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("fingerprint", Text),
    Column("kind", Text, nullable=False),
    Column("library", Text),
    Column("worker", Text),
    Column("fence", BigInteger, nullable=False),
    Column("took_us", BigInteger, nullable=False),
    Column("recorded_at", StoreTime, nullable=False),
    Column("payload", Bytes, nullable=False),
    Column("jws", Bytes),
)
"""Results of calls within steps, the first of each key. By step, not by hop: a retried step finds them again. The
``payload`` is JSON text, compressed by zlib if it is large, ``jws`` its signature. ``worker`` and ``fence`` are those
of the lease; ``took_us`` is the duration of the call in microseconds."""

ledger: Final = Table(
    "ledger",
    metadata,
    Column("workflow_id", Uuid, primary_key=True),
    Column("step_id", Uuid, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("namespace", Text, nullable=False),
    Column("workflow", Text, nullable=False),
    Column("tenant", Text),
    Column("path", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("step", Text, nullable=False),
    Column("agent", Text),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("cost_picos", BigInteger),
    Column("fence", BigInteger, nullable=False),
    Column("recorded_at", StoreTime, nullable=False),
    Column("jws", Bytes),
)
"""Ledger: costs of model requests, one row each; ``cost_picos`` in 10⁻¹² dollars, NULL for an unknown price. ``jws`` is
the signature, ``fence`` that of the lease. Rows are independent of runs, and stay when these are pruned."""

histories: Final = Table(
    "histories",
    metadata,
    run_column(primary_key=True),
    Column("path", Text, primary_key=True),
    Column("position", BigInteger, primary_key=True, autoincrement=False),
    Column("name", Text),
    Column("library", Text, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("recorded_at", StoreTime, nullable=False),
    Column("payload", Bytes),
)
"""Histories of agents, by the hop whose commit wrote them. The ``payload`` is JSON text of ``size`` bytes, compressed
by zlib if it is large; NULL if it was too large to be stored."""

approvals: Final = Table(
    "approvals",
    metadata,
    Column("id", BIG, Identity(always=True), primary_key=True),
    Column("namespace", Text, nullable=False),
    run_column(nullable=False),
    Column("workflow", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("step", Text, nullable=False),
    Column("step_id", Uuid, nullable=False),
    Column("direction", Text, nullable=False),
    Column("epoch", Integer, nullable=False),
    Column("key", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("tool", Text, nullable=False),
    Column("arguments", Text, nullable=False),
    Column("metadata", Text),
    Column("status", Text, nullable=False),
    Column("asked_at", StoreTime, nullable=False),
    Column("expires_at", StoreTime),
    Column("answer", Text),
    Column("answered_by", Text),
    Column("answered_at", StoreTime),
)
"""Questions of steps to people. Expiry, and the end of the step, are not written here."""

pauses: Final = Table(
    "pauses",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("model", Text, primary_key=True),
    Column("until", StoreTime, nullable=False),
    Column("refusals", Integer, nullable=False),
)
"""Pauses of models; ``refusals`` counts consecutive ones for which the provider gave no time."""

budgets: Final = Table(
    "budgets",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("spent_picos", BigInteger, nullable=False),
    Column("spent_tokens", BigInteger, nullable=False),
    Column("cap_picos", BigInteger),
    Column("cap_tokens", BigInteger),
    Column("raised_picos", BigInteger),
    Column("raised_tokens", BigInteger),
    Column("updated_at", StoreTime, nullable=False),
)
"""Spent amounts of budgets, by scope. ``cap`` is the last given one, ``raised`` the one raised by a person."""

reservations: Final = Table(
    "reservations",
    metadata,
    Column("namespace", Text, primary_key=True),
    Column("scope", Text, primary_key=True),
    Column("workflow_id", Uuid, primary_key=True),
    Column("step_id", Uuid, primary_key=True),
    Column("direction", Text, primary_key=True),
    Column("epoch", Integer, primary_key=True, autoincrement=False),
    Column("key", Text, primary_key=True),
    Column("path", Text, nullable=False),
    Column("position", BigInteger, nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("picos", BigInteger, nullable=False),
    Column("tokens", BigInteger, nullable=False),
)
"""Reservations of pending requests, one row for each budget of a request. No foreign key: it would lock the row of the
run."""
