"""Key sets in files: read again once they have changed, and edited whole or not at all."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from pydantic_core import from_json, to_json

from paigeant.errors import ConfigError
from paigeant.security.custody.trust import JWKS_BYTES, TrustedKey, read_jwks

NEXT: Final = ".next"
"""What the name of a key's successor ends with, until the key is retired."""


def read_trust(path: Path) -> list[TrustedKey]:
    """Return the keys of a trusted set; raises ConfigError."""
    return read_jwks(read_text(path), str(path))


def stamp_of(*paths: Path | None) -> tuple[Any, ...]:
    """Return what is another once one of these files was written, or is there or gone."""
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path | None) -> tuple[int, int, int] | None:
    try:
        found = None if path is None else path.stat()
    except OSError:
        return None
    return None if found is None else (found.st_mtime_ns, found.st_ino, found.st_size)


def successor_of(path: Path) -> Path:
    """Return where the key is that takes the place of this one."""
    return path.with_name(path.name + NEXT)


def edit_trust(path: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the members of a key set, and write it in one piece if it still is one; raises ConfigError."""
    try:
        read: Any = from_json(read_text(path))
        members = [dict(each) for each in cast("list[Mapping[str, Any]]", read["keys"])]
    except (ValueError, TypeError, KeyError) as error:
        raise ConfigError(f"{path}: no key set: {error}") from error
    change(members)
    text = to_json({**read, "keys": members}, indent=2) + b"\n"
    read_jwks(text, str(path))
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        made.write_bytes(text)
        made.chmod(path.stat().st_mode & 0o777)
        made.replace(path)
    except OSError as error:
        made.unlink(missing_ok=True)
        raise ConfigError(f"{path}: {error.strerror}") from error


def granted(members: list[dict[str, Any]], kid: str, path: Path) -> dict[str, Any]:
    """Return what a key is granted in a set, to be changed; raises ConfigError if it is not in it."""
    found = [each for each in members if each.get("kid") == kid and isinstance(each.get("paigeant"), dict)]
    if not found:
        raise ConfigError(f"{path}: no key {kid!r} is in it; see `paigeant keys list`")
    return cast("dict[str, Any]", found[0]["paigeant"])


def read_text(path: Path) -> bytes:
    """Return the text of a key set; raises ConfigError."""
    try:
        with path.open("rb") as file:
            return file.read(JWKS_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"PAIGEANT_TRUST: {path}: {error.strerror}") from error
