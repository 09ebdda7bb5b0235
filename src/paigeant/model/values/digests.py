"""Digests in records of custody: SHA-256, base64url without padding."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Final


def digest_of(text: bytes) -> str:
    """Return the SHA-256 of a text: 43 characters."""
    return encode(sha256(text).digest())


def encode(raw: bytes) -> str:
    """Return bytes as base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


EMPTY: Final = encode(bytes(32))
"""Digest of an empty list."""


def prepend(item: str, rest: str) -> str:
    """Return the digest of a list of texts from its first item and the digest of the rest.

    With the digests of a list and of its rest, one hash verifies its first item.
    """
    return digest_of(f"{item}\n{rest}".encode())
