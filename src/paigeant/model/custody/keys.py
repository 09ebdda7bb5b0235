"""Keys that processes publish: their public halves, and on whose word they count."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class KeyKind(StrEnum):
    """On whose word a published key counts."""

    VOUCHER = "voucher"
    """A configured key has signed that it does: the row proves itself."""
    DEVELOPMENT = "development"
    """Nobody's: it counts in development alone, where whoever writes to the store is believed."""


class PublishedKey(NamedTuple):
    """The public half of a key as it is kept for others, under its RFC 7638 thumbprint. Never a private half.

    The ``text`` is that of a voucher, with its detached JWS, or a JWK. ``until`` says how long somebody signs with it,
    None if nobody knows. All of it is as it lies there: whoever uses it verifies it.
    """

    kid: str
    kind: str
    text: str
    jws: str | None = None
    until: datetime | None = None


class StoredKey(NamedTuple):
    """A published key where it rests. ``at`` is when it was written, by the store's clock."""

    key: PublishedKey
    at: datetime
