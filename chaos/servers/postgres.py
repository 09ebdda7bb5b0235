"""PostgreSQL, made with initdb and run by a user that is not root."""

from __future__ import annotations

import asyncio
import os
import pwd
import shutil
import signal
import subprocess
from contextlib import suppress
from functools import cache
from pathlib import Path

import asyncpg

from chaos.servers.server import Server


class Postgres(Server):
    """A cluster of its own, with one database."""

    name = "postgres"
    can_be_demoted = True
    settings = ("max_connections=60", "log_min_messages=fatal", "log_line_prefix=%m ", "shared_buffers=32MB")

    def __init__(self, folder: Path) -> None:
        """Live in this folder."""
        super().__init__(folder)
        self.user = "postgres" if os.geteuid() == 0 else None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"postgresql://paigeant@127.0.0.1:{self.port}/postgres"

    def command(self) -> list[str]:
        """What starts it."""
        options = [word for setting in self.settings for word in ("-c", setting)]
        return [program("postgres"), "-D", "data", "-p", str(self.port), "-h", "127.0.0.1", "-k", "", *options]

    async def prepare(self) -> None:
        """Make the cluster."""
        await super().prepare()
        if self.user:
            shutil.chown(self.folder, pwd.getpwnam(self.user).pw_uid)
        if (self.folder / "data").exists():
            return
        command = [program("initdb"), "-D", "data", "-U", "paigeant", "-A", "trust", "-E", "UTF8", "--locale=C"]
        run = await asyncio.to_thread(
            lambda: subprocess.run(
                command,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                cwd=self.folder,
                capture_output=True,
                text=True,
                check=False,
            )
        )
        if run.returncode:
            raise RuntimeError(run.stderr)

    async def answers(self) -> bool:
        """Tell whether it lets somebody in."""
        with suppress(asyncpg.PostgresError, TimeoutError):
            connection = await asyncpg.connect(self.url, timeout=3)
            await connection.close()
            return True
        return False

    async def demote(self) -> None:
        """Let the role of the load take no writes, from its next sessions on, and end those that there are."""
        await self._order(
            "ALTER ROLE paigeant SET default_transaction_read_only = on",
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'client backend'"
            " AND pid <> pg_backend_pid()",
        )

    async def promote(self) -> None:
        """Let new sessions write again. Those that were made meanwhile never will, as after a failover."""
        await self._order("ALTER ROLE paigeant RESET default_transaction_read_only")

    async def _order(self, *statements: str) -> None:
        writing = {"default_transaction_read_only": "off"}
        connection = await asyncpg.connect(self.url, timeout=10, server_settings=writing)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    def _ask_to_end(self) -> None:
        self._signal(signal.SIGINT)  # at once, but in order: "fast" shutdown


@cache
def program(name: str) -> str:
    """Return where a program of PostgreSQL is: on the path, or where Debian puts the newest."""
    places = [*Path("/usr/lib/postgresql").glob("*/bin"), Path("/usr/local/pgsql/bin")]
    newest_first = sorted(places, key=lambda path: path.parent.name.zfill(4), reverse=True)
    found = shutil.which(name) or next((str(place / name) for place in newest_first if (place / name).exists()), None)
    if found is None:
        text = f"no {name} here: install PostgreSQL's server (on Debian: apt-get install postgresql)"
        raise RuntimeError(text)
    return found
