"""Vault of a process: its own encryption key, and the keys that it seals to."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any, Final, NamedTuple

from paigeant.errors import ConfigError, InvalidInput, TamperedMessage
from paigeant.security.custody.keyfiles import private_at, read_private
from paigeant.security.custody.keysets import successor_of
from paigeant.security.custody.trust import Grants, members_of, read_grants
from paigeant.security.key_sets import KeySetExpired, stamp_of
from paigeant.security.sealing.jwe import PLAIN_BYTES, RECIPIENTS, EncryptionKey, recipients_of, seal, unseal
from paigeant.security.sealing.places import Sealed, VaultPlaces

LOOK: Final = 60.0
"""Seconds between two checks of key files for changes."""


class Recipient(NamedTuple):
    """Key that values can be sealed to, and its permissions."""

    key: EncryptionKey
    grants: Grants

    def may(self, right: str) -> bool:
        """True if it has this permission, such as ``read:pay`` or ``identity``."""
        kind, colon, _ = right.partition(":")
        return right in self.grants.may or (bool(colon) and f"{kind}:*" in self.grants.may)

    def is_good(self, namespace: str, at: datetime) -> bool:
        """True if values are sealed to it here and now."""
        grants = self.grants
        here = not grants.ns or namespace in grants.ns
        return here and not grants.compromised and grants.flaw_at(self.key.kid, at) is None


def read_recipients(text: bytes, source: str) -> list[Recipient]:
    """Return the encryption keys of a trusted set (``"use": "enc"``).

    Raises ConfigError, which names the ``source``.
    """
    return [_recipient(jwk, source) for jwk in members_of(text, source) if jwk.get("use") == "enc"]


def _recipient(jwk: Any, source: str) -> Recipient:
    try:
        key = EncryptionKey(jwk)
    except ConfigError as error:
        raise ConfigError(f"{source}: no key set: {error}") from error
    if key.private:
        raise ConfigError(f"{source}: key {key.kid} is private: publish its public half alone")
    if jwk.get("kid", key.kid) != key.kid:
        raise ConfigError(f"{source}: kid {str(jwk['kid'])[:64]!r} is not the key's thumbprint, {key.kid}")
    return Recipient(key, read_grants(jwk["paigeant"], source, reads=True))


def read_secret_key(path: Path) -> EncryptionKey:
    """Return the private encryption key of a JWK file; raises ConfigError."""
    return read_private(path, "secret key", EncryptionKey)


class Vault:
    """Seals and opens. Without its own key it only seals.

    Changed files are read again within a minute.
    """

    def __init__(self, places: VaultPlaces) -> None:
        """Read the keys; raises ConfigError with the remedy."""
        self._places = places
        self._own: list[EncryptionKey] = []
        self._readers: list[Recipient] = []
        self._looked, self._stamp = monotonic(), self._files()
        self._read()

    def _files(self) -> Hashable:
        key, trust = self._places.secret_key, self._places.trust
        trusted = None if trust is None else trust.stamp()
        return trusted, stamp_of(key, None if key is None else successor_of(key))

    @property
    def is_development(self) -> bool:
        """True if no key is configured: a development key is created, and every reader of its file has it too."""
        return self._places.secret_key is None and self._places.trust is None

    def _read(self) -> None:
        places = self._places
        if self.is_development:
            key = _in_memory() if places.development is None else _of_file(places.development)
            everything = Grants(iss="development", may=("read:*", "identity"))
            self._own, self._readers = [key], [Recipient(key, everything)]
            return
        if places.trust is None:
            raise ConfigError("PAIGEANT_SECRET_KEY without PAIGEANT_TRUST: name the key set (JWKS) that it is in")
        own: list[EncryptionKey] = []
        if places.secret_key is not None:
            files = (successor_of(places.secret_key), places.secret_key)
            own = [read_secret_key(path) for path in files if path == places.secret_key or path.exists()]
        readers = read_recipients(places.trust.read(), str(places.trust))
        if own and own[-1].kid not in {each.key.kid for each in readers}:
            text = f"the key of {places.secret_key} ({own[-1].kid}) is not in the key set {places.trust}"
            raise ConfigError(f"{text}: nobody would seal to it; publish it with `paigeant keys export-jwks`")
        self._own, self._readers = own, readers

    def _look(self) -> None:
        if monotonic() - self._looked < LOOK:
            return
        self._looked, stamp = monotonic(), self._files()
        if stamp == self._stamp:
            return
        try:
            self._read()
        except KeySetExpired:
            self._readers = []  # they may be out of date
        except ConfigError:
            return  # it is being written, or a person has to repair it
        self._stamp = stamp

    def seal(self, kind: Sealed, plain: bytes, rights: Sequence[str]) -> bytes:
        """Return a text sealed to all keys with one of these permissions."""
        if len(plain) > PLAIN_BYTES:
            raise InvalidInput(f"it is {len(plain):,} bytes as JSON; at most {PLAIN_BYTES:,} are sealed")
        return seal(kind, plain, self._readers_for(rights))

    def require(self, rights: Sequence[str]) -> None:
        """Return if a value can be sealed with these permissions."""
        self._readers_for(rights)

    def _readers_for(self, rights: Sequence[str]) -> list[EncryptionKey]:
        self._look()
        now = datetime.now(UTC)
        good = [each for each in self._readers if each.is_good(self._places.namespace, now)]
        for right in rights:
            if not any(each.may(right) for each in good):
                cure = f'add a key of "use": "enc" with that right to {self._places.trust}'
                raise ConfigError(f"no key that is trusted here may {right}: {cure}")
        readers = [each.key for each in good if any(each.may(right) for right in rights)]
        if len(readers) > RECIPIENTS:
            raise ConfigError(
                f"{len(readers)} keys may {' or '.join(rights)}; something is sealed to {RECIPIENTS} at most"
            )
        return readers

    def reads(self, right: str) -> bool:
        """True if the process has a valid key with this permission."""
        self._look()
        now, mine = datetime.now(UTC), {key.kid for key in self._own}
        good = (each for each in self._readers if each.is_good(self._places.namespace, now))
        return any(each.key.kid in mine and each.may(right) for each in good)

    def opens(self, kind: Sealed, sealed: bytes) -> bool:
        """True if the value is sealed to the process's key, or to its predecessor."""
        return self._key_of(kind, sealed) is not None

    def unseal(self, kind: Sealed, sealed: bytes) -> bytes:
        """Open a value that is sealed to the process's key, or to its predecessor."""
        mine = self._key_of(kind, sealed)
        if mine is None:
            raise TamperedMessage(f"what is sealed does not open: it is not for key {self._own[-1].kid}")
        return unseal(kind, sealed, mine)

    def _key_of(self, kind: Sealed, sealed: bytes) -> EncryptionKey | None:
        """Return the process's key that opens a value, None if it is sealed to others."""
        self._look()
        if not self._own:
            raise ConfigError("this is sealed: set PAIGEANT_SECRET_KEY to a key file that may read it")
        try:
            readers = recipients_of(kind, sealed)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise TamperedMessage(f"what is sealed does not open: {error}") from error
        return next((key for key in self._own if key.kid in readers), None)


@cache
def _in_memory() -> EncryptionKey:
    """Return the key of this process, for stores that do not outlive it, and if no file can be written."""
    return EncryptionKey.generate()


@cache
def _of_file(path: Path) -> EncryptionKey:
    return private_at(path, read_secret_key, EncryptionKey.generate) or _in_memory()
