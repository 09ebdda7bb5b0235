"""Checks of a SQL store; those of one kind of database are next to its code."""

from __future__ import annotations

from datetime import UTC, datetime
from time import perf_counter
from typing import Final

from sqlalchemy import delete, insert
from uuid_utils.compat import uuid7

from paigeant.aio.changes import News
from paigeant.model.checks.findings import Finding, Severity
from paigeant.sql.execution.database import Database
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.home import version_of
from paigeant.sql.schema.installation import workers

_APART: Final = 2.0
"""Tolerated difference of two clocks in seconds: a smaller one may be the round trip."""

_SLOW: Final = 250.0
"""Milliseconds from which a commit is slow."""

_PROBES: Final = 2


async def examine(database: Database) -> list[Finding]:
    """Return the findings; the commit check is skipped if a write would fail anyway."""
    found = await database.read(lambda tx: [_schema(tx), _clock(tx), *database.facts(tx)])
    if not any(finding.severity is Severity.PROBLEM for finding in found):
        found.append(await _commit(database))
    return found


def _schema(tx: Tx) -> Finding:
    return Finding.ok("schema", f"{version_of(tx.connection)}, which is this version's")


def _clock(tx: Tx) -> Finding:
    ahead = (tx.now - datetime.now(UTC)).total_seconds()
    if abs(ahead) < _APART:
        return Finding.ok("clock", f"within {_APART:g} s of this machine's")
    said = f"{abs(ahead):,.1f} s {'ahead of' if ahead > 0 else 'behind'} this machine's"
    return Finding.warning("clock", said, "nothing depends on it but what logs seem to say: set both by NTP")


async def _commit(database: Database) -> Finding:
    """Measure the time of a commit that writes and leaves nothing."""
    took: list[float] = []
    for _ in range(_PROBES):
        began = perf_counter()
        await database.write(_write_and_delete, News.NOTHING)
        took.append((perf_counter() - began) * 1000)
    said = f"written and durable in {min(took):.1f} ms"
    if min(took) < _SLOW:
        return Finding.ok("commit", said)
    return Finding.warning("commit", said, "each hop needs one: look for a slow disk, a far server, or a long queue")


def _write_and_delete(tx: Tx) -> None:
    """Write and delete a row."""
    name = f"examination-{uuid7()}"
    row = {"namespace": tx.namespace, "id": name, "host": "", "pid": 0, "topics": (), "seen_at": tx.now}
    tx.connection.execute(insert(workers), row)
    tx.connection.execute(delete(workers).where(workers.c.namespace == tx.namespace, workers.c.id == name))
