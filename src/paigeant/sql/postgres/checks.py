"""Checks of a PostgreSQL server: version, settings, permissions and free connections."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import Row, String, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY

from paigeant.model.checks.findings import Finding
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.whole import WHOLE

OLDEST: Final = 12
"""Oldest version: some statements use MATERIALIZED."""

CROWDED: Final = 0.9
"""Fraction of used connections from which it warns."""

_ADDED_TO: Final = frozenset({"records", "deeds", "signing_keys"})
"""Append-only tables: rows are never updated, and only deleted by pruning."""

_SETTINGS: Final = text("""
    SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
        current_setting('server_encoding') AS encoding, pg_is_in_recovery() AS standby,
        current_setting('default_transaction_read_only') AS read_only, current_setting('fsync') AS fsync,
        current_setting('synchronous_commit') AS synchronous_commit,
        current_setting('full_page_writes') AS full_page_writes,
        current_setting('max_connections')::int AS allowed, (SELECT count(*) FROM pg_stat_activity) AS used,
        current_user AS who, current_schema() AS schema,
        coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create
""")
_RIGHTS: Final = text("""
    SELECT name, privilege FROM unnest(:names) AS name,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS privilege
    WHERE NOT has_table_privilege(quote_ident(name), privilege) ORDER BY 1, 2
""").bindparams(bindparam("names", type_=ARRAY(String())))
_DURABLE: Final = {
    "fsync": "a power cut may cost the whole database",
    "full_page_writes": "a power cut may damage pages",
    "synchronous_commit": "a crash may forget what was just committed, and a step may run once more",
}


def server_checks(tx: Tx) -> list[Finding]:
    """Return the findings about the server."""
    [row] = tx.rows(_SETTINGS)
    return [_version(row), _encoding(row), _writable(row), _durable(row), _rights(tx, row), _room(row)]


def _version(row: Row[Any]) -> Finding:
    if row.major >= OLDEST:
        return Finding.ok("version", f"PostgreSQL {row.version}")
    return Finding.problem("version", f"PostgreSQL {row.version}", f"take a server of version {OLDEST} or newer")


def _encoding(row: Row[Any]) -> Finding:
    if row.encoding == "UTF8":
        return Finding.ok("encoding", "UTF8")
    said = f"its encoding is {row.encoding}, which cannot hold every text"
    return Finding.problem("encoding", said, "make a database with createdb --encoding=UTF8 --template=template0")


def _writable(row: Row[Any]) -> Finding:
    if row.standby:
        return Finding.problem("writable", "it is a replica, which takes no writes", "name the primary server")
    if row.read_only == "on":
        said = "default_transaction_read_only is on, so that it takes no writes"
        return Finding.problem("writable", said, f"ALTER ROLE {row.who} SET default_transaction_read_only = off")
    return Finding.ok("writable", "it takes writes")


def _durable(row: Row[Any]) -> Finding:
    off = [name for name in _DURABLE if getattr(row, name) == "off"]
    if not off:
        return Finding.ok("durable", "what is committed is on the disk")
    return Finding.warning("durable", f"{off[0]} is off: {_DURABLE[off[0]]}", f"set {off[0]} = on", forgets=True)


def _rights(tx: Tx, row: Row[Any]) -> Finding:
    found = tx.rows(_RIGHTS, names=[table.name for table in WHOLE.sorted_tables])
    lacking = [one for one in found if one.name not in _ADDED_TO or one.privilege in {"SELECT", "INSERT"}]
    if lacking:
        said = f"{row.who} may not {lacking[0].privilege} on {lacking[0].name}"
        more = f" ({len(lacking)} such rights are lacking)" if len(lacking) > 1 else ""
        fix = f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {row.schema} TO {row.who}"
        return Finding.problem("rights", said + more, fix)
    may = "read, write and change the schema" if row.may_create else "read and write; upgrades need the tables' owner"
    less = "; of what is signed it may change nothing, and so not prune" if found else ""
    return Finding.ok("rights", f"{row.who} may {may}{less}")


def _room(row: Row[Any]) -> Finding:
    said = f"{row.used} of {row.allowed} connections are in use"
    if row.used < CROWDED * row.allowed:
        return Finding.ok("connections", said)
    return Finding.warning("connections", said, "a worker takes up to 9: raise max_connections, or put a pooler before")
