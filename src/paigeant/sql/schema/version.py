"""Version of a database's schema: check and migration.

Alembic is loaded only for a migration: a check costs one query.
"""

from __future__ import annotations

import logging
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from sqlalchemy import Connection

from paigeant.errors import ConfigError
from paigeant.sql.schema.home import EMPTIED, VERSION_TABLE, prepare_home, require_whole, version_of

KNOWN: Final = ("0001", "0002", "0003", "0004", "0005", "0006")
"""All migrations, oldest first; a test compares it with the files."""

HEAD: Final = KNOWN[-1]
"""Version that this program needs."""

_WRITE_BACK: Final = f"INSERT INTO {VERSION_TABLE} VALUES ('{HEAD}')"  # noqa: S608  (constants, to be read)

_MIGRATIONS: Final = Path(__file__).with_name("migrations")

_ONE_AT_A_TIME: Final = Lock()
"""Lock around Alembic, which keeps the running migration in a global of the process. Callers are in threads."""


def require(version: str | None, name: str) -> None:
    """Return if this is the version of this program; raises ConfigError with the remedy."""
    refuse_unknown(version, name)
    if version is None:
        raise ConfigError(f"the database {name} has no schema yet: run `paigeant db upgrade`")
    if version != HEAD:
        raise ConfigError(
            f"the database {name} has schema {version}, this Paigeant needs {HEAD}: run `paigeant db upgrade`"
        )


def check(connection: Connection, name: str) -> None:
    """Return if the schema has the version of this program, with all tables; raises ConfigError with the remedy."""
    require(version_of(connection), name)
    require_whole(connection, name)


def refuse_unknown(version: str | None, name: str) -> None:
    """Return if this program knows the version; raises ConfigError with the remedy."""
    if version == EMPTIED:
        said = f"the database {name} has tables, and an empty {VERSION_TABLE!r}; who emptied it lost their version"
        raise ConfigError(f"{said}; if they are this program's, write it back: {_WRITE_BACK}")
    if version is not None and version not in KNOWN:
        raise ConfigError(
            f"the database {name} has schema {version}, which this Paigeant does not know (it knows up to {HEAD}): "
            "it was made by a newer one; upgrade this installation"
        )


def migrate(connection: Connection, name: str) -> None:
    """Migrate the schema to :data:`HEAD` within the connection's transaction; raises ConfigError with the remedy."""
    prepare_home(connection, name)
    if version_of(connection) == KNOWN[-1]:
        require_whole(connection, name)
        return
    with _ONE_AT_A_TIME, _warnings_only(logging.getLogger("alembic")):
        from alembic import command  # noqa: PLC0415  (slow to load and seldom needed)
        from alembic.config import Config  # noqa: PLC0415

        config = Config(attributes={"connection": connection})
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        command.upgrade(config, HEAD)


@contextmanager
def _warnings_only(logger: logging.Logger) -> Generator[None]:
    """Let Alembic log no line for each of our migrations, also in an application that logs everything."""
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
