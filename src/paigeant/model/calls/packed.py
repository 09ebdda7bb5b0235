"""Packed JSON texts: compressed in the store if they are large."""

from __future__ import annotations

import zlib
from typing import Final

COMPRESSED_FROM: Final = 1024
"""Size in bytes from which a JSON text is compressed."""

_COMPRESSED: Final = 0x78
"""First byte of a zlib stream, and of no JSON text."""


def pack(json: bytes) -> bytes:
    """Return the text as it is stored: compressed by zlib if it is large."""
    return zlib.compress(json, 1) if len(json) >= COMPRESSED_FROM else json


def unpack(payload: bytes) -> bytes:
    """Return the JSON text that was packed."""
    return zlib.decompress(payload) if payload and payload[0] == _COMPRESSED else payload
