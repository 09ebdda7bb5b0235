"""Digests as records of custody name them: SHA-256, base64url without padding."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from hashlib import sha256


def digest_of(text: bytes) -> str:
    """Return the SHA-256 of a text: 43 characters."""
    return encode(sha256(text).digest())


def encode(raw: bytes) -> str:
    """Return bytes as base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=").decode()
