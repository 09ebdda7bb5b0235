"""Whether a pooler, as PgBouncer, stands between us and PostgreSQL, handing each transaction to any of its sessions.

A server tells whoever connects the number of the process that serves it, to be named in a request to cancel. A pooler
has no such process yet, and makes a number up.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection


async def is_pooled(connection: AsyncConnection) -> bool:
    """Tell whether the session that answers is another one than we were promised."""
    driver: Any = (await connection.get_raw_connection()).driver_connection
    return driver.get_server_pid() != await driver.fetchval("SELECT pg_backend_pid()")
