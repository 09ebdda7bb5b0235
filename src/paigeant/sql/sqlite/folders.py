"""The folder of the embedded database: made when it is missing, refused where SQLite's locks do not work."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from paigeant.errors import ConfigError

_NETWORKS: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "afs", "ceph", "glusterfs", "9p"})
_MOUNTS: Final = Path("/proc/mounts")
_OURS: Final = ".paigeant"


def prepare_folder(database: Path) -> None:
    """Make the folder of this file; raises ConfigError on a network drive, OSError if it cannot be made."""
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


def file_system(folder: Path) -> str:
    """Return the type of the file system that a folder is on, or an empty text where that is not told."""
    try:
        lines = _MOUNTS.read_text("utf-8", "replace").splitlines()
    except OSError:
        return ""
    mounts = [line.split(" ")[1:3] for line in lines if line.count(" ") >= 2]  # noqa: PLR2004  (device, place, type)
    within = [(place, kind) for place, kind in mounts if folder.is_relative_to(place.replace("\\040", " "))]
    return max(within, key=lambda mount: len(mount[0]), default=("", ""))[1]
