"""Key files: read only if nobody else can read or replace them; development keys are created on first use."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final, Protocol, TypeVar, cast

from pydantic_core import from_json

from paigeant.errors import ConfigError
from paigeant.model.values.json_text import to_json
from paigeant.security.custody.jws import SigningKey

KEY_BYTES: Final = 16 * 1024


class PrivateKey(Protocol):
    """Key that may have its private half."""

    private: bool

    @property
    def private_jwk(self) -> dict[str, Any]:
        """The whole key as a JWK."""
        ...


K = TypeVar("K", bound=PrivateKey)


def read_key(path: Path) -> SigningKey:
    """Return the private signing key of a JWK file; raises as :func:`read_private`."""
    return read_private(path, "signing key", SigningKey)


def read_private(path: Path, what: str, made: Callable[[Mapping[str, Any]], K]) -> K:
    """Return the private key of a JWK file; raises ConfigError with the remedy.

    The file must belong to this user, be readable by nobody else, and be no symbolic link: whoever can replace it can
    sign, or read.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        why = "it is a symbolic link: name the file itself" if path.is_symlink() else error.strerror
        raise ConfigError(f"{what} {path}: {why}") from error
    with os.fdopen(descriptor, "rb") as file:
        require_private(path, what, os.fstat(file.fileno()))
        text = file.read(KEY_BYTES + 1)
    if len(text) > KEY_BYTES:
        raise ConfigError(f"{what} {path}: more than {KEY_BYTES:,} bytes")
    try:
        key = made(cast("dict[str, Any]", from_json(text)))
    except (ValueError, AttributeError, TypeError, ConfigError) as error:
        raise ConfigError(f"{what} {path}: no JWK of such a key: {error}") from error
    if not key.private:
        raise ConfigError(f"{what} {path}: only the public half is in it")
    return key


def require_private(path: Path, what: str, found: os.stat_result) -> None:
    """Return if a file is a regular one that only this user can read; raises ConfigError with the remedy."""
    if not stat.S_ISREG(found.st_mode):
        raise ConfigError(f"{what} {path}: no regular file")
    if found.st_uid != os.geteuid():
        raise ConfigError(f"{what} {path}: it belongs to another user: chown {os.geteuid()} {path}")
    if found.st_mode & 0o077:
        raise ConfigError(f"{what} {path}: others can read it: chmod 600 {path}")


def write_key(path: Path, key: PrivateKey) -> bool:
    """Write a private key to a new file; returns False, with nothing changed, if it exists.

    It is written under a temporary name and then linked, so that of several concurrent writers all read the same key,
    and nobody ever reads half of one.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    made = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(to_json(key.private_jwk))
        os.link(made, path)
    except FileExistsError:
        return False
    finally:
        made.unlink()
    return True


def development_key(path: Path) -> SigningKey | None:
    """Return the development signing key of this place; as :func:`private_at`."""
    return private_at(path, read_key, SigningKey.generate)


def private_at(path: Path, read: Callable[[Path], K], generate: Callable[[], K]) -> K | None:
    """Return the key of a place, created if it does not exist; None if it cannot be written. Raises ConfigError."""
    if not path.exists():
        try:
            write_key(path, generate())
        except OSError:
            return None
    return read(path)
