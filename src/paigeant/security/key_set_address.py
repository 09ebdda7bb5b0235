"""Key set at an address: fetched periodically in a thread, and cached for outages.

A fetched set counts for 10 minutes without another request, for 30 seconds while a key is missing, and for 24 hours
while the address does not answer, or answers with an invalid set. A copy in a file, which only this user can read and
write, lets a process start meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
from collections.abc import Hashable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from threading import Lock, Thread
from time import monotonic
from typing import Final, NamedTuple

from paigeant.errors import ConfigError
from paigeant.security.custody.keyfiles import require_private
from paigeant.security.custody.trust import read_jwks
from paigeant.security.http import GOOD, Limits, NoAnswer, RefusedAnswer, ask
from paigeant.security.identity.options import require_https
from paigeant.security.key_sets import JWKS_BYTES, KeySetExpired

KEPT: Final = 600.0
"""Seconds between two requests."""

AGAIN: Final = 30.0
"""The same while a key is missing, or after a failure."""

EXPIRED: Final = 24 * 3600.0
"""Seconds for which a key set counts that cannot be fetched any more."""

_LIMITS: Final = Limits(3.0, JWKS_BYTES)
_LOG: Final = logging.getLogger("paigeant.keys")


class _Read(NamedTuple):
    text: bytes
    age: float


class AddressKeySet:
    """Key set at an address. Concurrent callers share one request."""

    def __init__(self, url: str, copy: Path | None) -> None:
        """Start without data; raises ConfigError for an invalid address.

        The ``copy`` is a file of this name, None without a folder for it.
        """
        self._url = require_https(url, "PAIGEANT_TRUST")
        self._copy = copy
        self._lock = Lock()
        self._text: bytes | None = None
        self._version = 0
        self._asked = self._counts_until = monotonic()
        self._failed = False
        self._thread: Thread | None = None

    def __str__(self) -> str:
        """Return the address."""
        return self._url

    def read(self) -> bytes:
        """Return the newest known text; the first call fetches it, for 3 s at most.

        Raises ConfigError without one, and KeySetExpired if it is older than a day.
        """
        with self._lock:
            if self._text is None:
                self._begin()
            if self._text is None or self._is_expired():
                text = f"PAIGEANT_TRUST: {self._url} has not answered with a key set for a day: nothing of it counts"
                raise KeySetExpired(text)
            return self._text

    def stamp(self, *, soon: bool = False) -> Hashable:
        """Return a value that changes when the text changes or expires; starts a request if one is due."""
        after = AGAIN if soon or self._failed else KEPT
        if monotonic() - self._asked >= after and (self._thread is None or not self._thread.is_alive()):
            self._asked = monotonic()
            self._thread = Thread(target=self._ask_again, name="paigeant-trust", daemon=True)
            self._thread.start()
        return self._version, self._is_expired()

    def _is_expired(self) -> bool:
        return monotonic() >= self._counts_until

    def _begin(self) -> None:
        """Use the copy if it is fresh, else fetch, else use the copy as long as it counts."""
        kept = self._read_copy()
        if kept is not None and kept.age < KEPT:
            self._take(kept)
            return
        try:
            text = self._fetch()
        except ConfigError as error:
            if kept is None:
                text = f"{error}; no copy of the last day is here: mend the address, or name a file"
                raise ConfigError(text) from error
            self._failed = True
            self._take(kept)
            _LOG.warning("%s; what was read %.0f minutes ago counts", error, kept.age / 60)
            return
        self._take(_Read(text, 0.0))
        self._write_copy(text)

    def _take(self, read: _Read) -> None:
        self._version += read.text != self._text
        self._text = read.text
        self._asked = monotonic() - min(read.age, KEPT - AGAIN)
        self._counts_until = monotonic() + EXPIRED - read.age

    def _ask_again(self) -> None:
        try:
            text = self._fetch()
        except ConfigError as error:
            if not self._failed:
                _LOG.warning("%s; what was read before counts for a day", error)
            self._failed = True
            return
        with self._lock:
            self._failed = False
            self._take(_Read(text, 0.0))
        self._write_copy(text)

    def _fetch(self) -> bytes:
        """Fetch the key set, and validate it; raises ConfigError.

        It uses a thread of its own, since the first caller may be an event loop.
        """
        try:
            with ThreadPoolExecutor(1) as thread:
                status, text = thread.submit(asyncio.run, ask(self._url, _LIMITS)).result()
        except (NoAnswer, RefusedAnswer) as error:
            raise ConfigError(f"PAIGEANT_TRUST: {error}") from error
        if status != GOOD:
            raise ConfigError(f"PAIGEANT_TRUST: {self._url} answers {status}")
        read_jwks(text, f"PAIGEANT_TRUST: {self._url}")
        return text

    # -- the copy

    def _read_copy(self) -> _Read | None:
        if self._copy is None:
            return None
        try:
            descriptor = os.open(self._copy, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(file.fileno())
            try:
                require_private(self._copy, "the copy of the key set", found)
                text = file.read(JWKS_BYTES + 1)
                read_jwks(text, str(self._copy))
            except ConfigError as error:
                _LOG.warning("%s; it is not used", error)
                return None
        age = max(0.0, datetime.now(UTC).timestamp() - found.st_mtime)
        return _Read(text, age) if age < EXPIRED else None

    def _write_copy(self, text: bytes) -> None:
        if self._copy is None:
            return
        made = self._copy.with_name(f".{self._copy.name}.{secrets.token_hex(8)}")
        try:
            self._copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(made, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(text)
            made.replace(self._copy)
        except OSError as error:
            made.unlink(missing_ok=True)
            _LOG.warning("the copy of the key set cannot be written: %s: %s", self._copy, error.strerror)


@cache
def at_address(url: str, copy: Path | None) -> AddressKeySet:
    """Return the key set at an address, one object for the whole process; raises ConfigError."""
    return AddressKeySet(url, copy)
