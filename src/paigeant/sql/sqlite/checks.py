"""Checks of a SQLite file: file system, library version, disk, permissions and free space."""

from __future__ import annotations

import os
import shutil
import sqlite3
from pathlib import Path
from typing import Final

from sqlalchemy import text

from paigeant.errors import ConfigError
from paigeant.model.checks.findings import Finding
from paigeant.sql.execution.transaction import Tx

_MENDED: Final = (3, 51, 3)
"""First SQLite without the WAL-reset bug."""

_SCARCE: Final = 512 * 1024 * 1024
_MIB: Final = 1024 * 1024
_FORGETFUL: Final = frozenset({"tmpfs", "ramfs"})
_PAGES: Final = text("""
    SELECT (SELECT page_count FROM pragma_page_count) * page_size AS size,
        (SELECT freelist_count FROM pragma_freelist_count) * page_size AS free,
        (SELECT journal_mode FROM pragma_journal_mode) AS journal
    FROM pragma_page_size
""")

_NETWORKS: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "glusterfs", "9p"})
_MOUNTS: Final = Path("/proc/mounts")
_OURS: Final = ".paigeant"


def prepare_folder(database: Path) -> None:
    """Create the folder of this file; raises ConfigError on a network drive, OSError if it cannot be created."""
    folder = database.parent
    fresh = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    if fresh and folder.name == _OURS:
        (folder / ".gitignore").write_text("*\n", "utf-8")
    kind = file_system(folder.resolve())
    if kind in _NETWORKS:
        raise ConfigError(
            f"the database {database} lies on a network drive ({kind}), where SQLite loses data: "
            "put it on a local disk, or use PostgreSQL"
        )


def require_place(database: Path) -> None:
    """Return if this file can be created without creating a user's folder; raises ConfigError if one is missing."""
    folder = database.parent.parent if database.parent.name == _OURS else database.parent
    if not folder.is_dir():
        raise ConfigError(f"the database {database} is not there, and nor is its folder {folder}: is it spelt rightly?")


def file_system(folder: Path) -> str:
    """Return the type of a folder's file system, or an empty text if unknown."""
    try:
        lines = _MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    mounts = [line.split(" ")[1:3] for line in lines if line.count(" ") >= 2]  # noqa: PLR2004  (device, place, type)
    within = [(place, kind) for place, kind in mounts if folder.is_relative_to(place.replace("\\040", " "))]
    return max(within, key=lambda mount: len(mount[0]), default=("", ""))[1]


def file_checks(tx: Tx, path: Path) -> list[Finding]:
    """Return the findings about the file."""
    [row] = tx.rows(_PAGES)
    return [_version(), _journal(row.journal), _disk(path), _rights(path), _room(path, row.size, row.free)]


def _version() -> Finding:
    said = f"SQLite {sqlite3.sqlite_version}"
    if sqlite3.sqlite_version_info < _MENDED:
        said += "; it has the WAL-reset bug, which cannot happen while nothing but Paigeant writes to the file"
    return Finding.ok("version", said)


def _journal(mode: str) -> Finding:
    if mode == "wal":
        return Finding.ok("durable", "a write-ahead log, flushed with each commit")
    return Finding.problem("durable", f"its journal is {mode}, no write-ahead log", "put the file on a local disk")


def _disk(path: Path) -> Finding:
    kind = file_system(path.parent.resolve())
    if kind in _FORGETFUL:
        said = f"the file lies in memory ({kind}), and is gone when the machine restarts"
        return Finding.warning("disk", said, "let PAIGEANT_STORE name a file on a disk", forgets=True)
    return Finding.ok("disk", f"a local one ({kind})" if kind else "of a kind that this system does not tell")


def _rights(path: Path) -> Finding:
    """Check the folder too: SQLite creates files next to its own."""
    for place in (path, path.parent):
        if not os.access(place, os.W_OK):
            return Finding.problem("rights", f"this user may not write to {place}", "give this user the right to")
    return Finding.ok("rights", "this user may read, write and change the schema")


def _room(path: Path, size: int, free: int) -> Finding:
    left = shutil.disk_usage(path.parent).free
    said = (
        f"{size / _MIB:,.0f} MiB, of which {free / _MIB:,.0f} are free to be used again; {left / _MIB:,.0f} on the disk"
    )
    if left >= _SCARCE:
        return Finding.ok("room", said)
    return Finding.warning("room", said, "make room, or `paigeant prune --older-than 30d` what is not needed any more")
