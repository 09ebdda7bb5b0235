"""Log lines on a PostgreSQL server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from paigeant.plugins import redacted_url
from paigeant.sql.log_lines.store import LogStore
from paigeant.sql.postgres.database import dialect_url
from paigeant.sql.schema.home import SCHEMA

T = TypeVar("T")

PATIENCE: Final = 10.0
"""Seconds for one insert or query."""


class PostgresLogStore(LogStore):
    """Log lines in Paigeant's schema on a server."""

    def __init__(self, url: str) -> None:
        """Use the server of the URL; raises ConfigError."""
        super().__init__(redacted_url(url))
        made = dialect_url(url).difference_update_query(["prepared_statement_cache_size"])
        arguments = {"timeout": PATIENCE, "command_timeout": PATIENCE, "statement_cache_size": 0}
        self._runner = asyncio.Runner()
        self._engine = create_async_engine(
            made,
            connect_args={**arguments, "prepared_statement_cache_size": 0},
            execution_options={"schema_translate_map": {None: SCHEMA}},
            pool_size=1,
            max_overflow=0,
            pool_pre_ping=True,
        )

    def _transact(self, work: Callable[[Connection], T]) -> T:
        async def transact() -> T:
            async with asyncio.timeout(2 * PATIENCE), self._engine.begin() as connection:
                return await connection.run_sync(work)

        return self._runner.run(transact())

    def _leave(self) -> None:
        with suppress(Exception):  # a broken connection need not close cleanly
            self._runner.run(self._engine.dispose())

    def close(self) -> None:
        """Close the connection."""
        self._runner.run(self._engine.dispose())
        self._runner.close()
