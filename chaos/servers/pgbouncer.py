"""PgBouncer in transaction mode: each transaction is handed to any of its few sessions."""

from __future__ import annotations

import os
import shutil
from contextlib import suppress
from pathlib import Path

import asyncpg
from yarl import URL

from chaos.servers.server import Server

SESSIONS = 3
"""Of the server, shared by all who come: few enough that transactions of one client meet different ones."""


class PgBouncer(Server):
    """A pooler of its own before one database."""

    name = "pgbouncer"

    def __init__(self, folder: Path, before: str) -> None:
        """Stand before the database at this URL."""
        super().__init__(folder)
        self._before = URL(before)
        self.user = "postgres" if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """Where it answers."""
        return str(self._before.with_host("127.0.0.1").with_port(self.port))

    def command(self) -> list[str]:
        """What starts it, in the foreground."""
        found = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
        if found is None:
            text = "no pgbouncer here: install it (on Debian: apt-get install pgbouncer)"
            raise RuntimeError(text)
        return [found, "pgbouncer.ini"]

    async def prepare(self) -> None:
        """Write what it must know."""
        await super().prepare()
        there = f"host={self._before.host} port={self._before.port or 5432}"
        lines = [
            "[databases]",
            f"* = {there} user={self._before.user}",
            "[pgbouncer]",
            "listen_addr = 127.0.0.1",
            f"listen_port = {self.port}",
            "unix_socket_dir =",
            "auth_type = any",
            "pool_mode = transaction",
            f"default_pool_size = {SESSIONS}",
            "server_round_robin = 1",
        ]
        (self.folder / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
        if self.user:
            shutil.chown(self.folder, self.user)

    async def answers(self) -> bool:
        """Tell whether it lets somebody in."""
        with suppress(asyncpg.PostgresError, TimeoutError):
            connection = await asyncpg.connect(self.url, timeout=3, statement_cache_size=0)
            await connection.close()
            return True
        return False
