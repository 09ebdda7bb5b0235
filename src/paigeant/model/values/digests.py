"""Digests as records of custody name them: SHA-256, base64url without padding."""

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
"""The digest of a list with nothing in it."""


def prepend(item: str, rest: str) -> str:
    """Return the digest of a list of texts from its first and the digest of the rest.

    Who knows the digests of a list and of its rest sees with one hash whether this was its first item.
    """
    return digest_of(f"{item}\n{rest}".encode())
