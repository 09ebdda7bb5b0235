"""Secrets in data as JWE: a value is sealed with its origin, so that it cannot be moved to another run or name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID

from pydantic_core import from_json

from paigeant.abc import SecretBox
from paigeant.errors import ConfigError, TamperedMessage, UnreadableSecret
from paigeant.model.secrecy.secrets import OpenedSecret, SecretOrigin
from paigeant.model.values.json_text import to_json
from paigeant.security.sealing.places import Sealed, Sealing, VaultPlaces
from paigeant.security.sealing.vault import Vault

_PLAIN: Final = ("wf", "name", "value")


class JweSecrets(SecretBox):
    """Seals to the keys of the trusted set with the permission ``read:ACTIVITY``."""

    def __init__(self, places: VaultPlaces, *, vault: Sealing | None = None) -> None:
        """Read the keys; raises ConfigError."""
        self._vault: Sealing = vault or Vault(places)

    def seal(self, origin: SecretOrigin, json: bytes, readers: Sequence[str]) -> bytes:
        """Return a value sealed, with its origin."""
        head = to_json({"wf": str(origin.workflow_id), "name": origin.name})
        return self._vault.seal(Sealed.SECRET, b'%b,"value":%b}' % (head[:-1], json), rights_of(readers))

    def require(self, readers: Sequence[str]) -> None:
        """Return if a value can be sealed for these activities."""
        self._vault.require(rights_of(readers))

    def reads(self, activity: str) -> bool:
        """True if secrets that an activity's steps may read are sealed to the key of this process too."""
        return self._vault.reads(*rights_of([activity]))

    def opens(self, sealed: bytes) -> bool:
        """True if the value is sealed to the key of this process."""
        return self._vault.opens(Sealed.SECRET, sealed)

    def open(self, sealed: bytes) -> OpenedSecret:
        """Open a sealed value; returns it with its origin."""
        try:
            if not self._vault.opens(Sealed.SECRET, sealed):
                raise UnreadableSecret("it is sealed to other keys than that of this process")
            plain = self._vault.unseal(Sealed.SECRET, sealed)
        except ConfigError as error:
            raise UnreadableSecret(str(error)) from error
        return _read(plain)


def rights_of(readers: Sequence[str]) -> list[str]:
    """Return the permissions of which a key needs one to read for these activities."""
    return [f"read:{each}" for each in readers]


def _read(plain: bytes) -> OpenedSecret:
    """Parse an opened value: anyone with the public keys may have sealed anything."""
    try:
        said: dict[str, Any] = from_json(plain)
        workflow_id, name, value = (said[member] for member in _PLAIN)
        if tuple(said) != _PLAIN or not isinstance(name, str):
            raise ValueError("its members are not those that are written here")  # noqa: TRY301
        return OpenedSecret(SecretOrigin(UUID(workflow_id), name), to_json(value))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        raise TamperedMessage("what is sealed is no secret of ours") from None  # the error may quote it
