"""Key sets in files: read, and edited atomically."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, cast

from pydantic_core import from_json

from paigeant.errors import ConfigError
from paigeant.model.values.json_text import to_json
from paigeant.security.custody.trust import TrustedKey, read_jwks
from paigeant.security.key_sets import FileKeySet, KeySet

NEXT: Final = ".next"
"""Suffix of the file of a key's successor, until the key is retired."""


def read_trust(key_set: KeySet) -> list[TrustedKey]:
    """Return the signing keys of a trusted set; raises ConfigError."""
    return read_jwks(key_set.read(), str(key_set))


def successor_of(path: Path) -> Path:
    """Return the file of a key's successor."""
    return path.with_name(path.name + NEXT)


def edit_trust(path: Path, change: Callable[[list[dict[str, Any]]], None]) -> None:
    """Change the members of a key set, and write it atomically if the result is valid; raises ConfigError."""
    try:
        read: Any = from_json(FileKeySet(path).read())
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
    """Return the mutable grants of a key in a set; raises ConfigError if it is not in it."""
    found = [each for each in members if each.get("kid") == kid and isinstance(each.get("paigeant"), dict)]
    if not found:
        raise ConfigError(f"{path}: no key {kid!r} is in it; see `paigeant keys list`")
    return cast("dict[str, Any]", found[0]["paigeant"])
