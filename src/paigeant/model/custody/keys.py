"""Published keys of processes: public halves, and the authority behind each."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class KeyKind(StrEnum):
    """Authority behind a published key."""

    VOUCHER = "voucher"
    """A configured key has signed it: the row proves itself."""
    DEVELOPMENT = "development"
    """None: it counts in development only, where everyone who can write to the store is trusted."""


class PublishedKey(NamedTuple):
    """Public half of a key, stored for other processes under its RFC 7638 thumbprint. Never a private half.

    The ``text`` is that of a voucher, with its detached JWS, or a JWK. ``until`` is the time until which the key signs,
    None if unknown. Nothing of it is verified: the reader verifies it.
    """

    kid: str
    kind: str
    text: str
    jws: str | None = None
    until: datetime | None = None


class StoredKey(NamedTuple):
    """Published key in the store. ``at`` is the time of its writing, by the store's clock."""

    key: PublishedKey
    at: datetime
