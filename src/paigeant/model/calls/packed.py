"""JSON texts as they rest in a store: compressed where that is worth it."""

from __future__ import annotations

import zlib
from typing import Final

COMPRESSED_FROM: Final = 1024
"""Bytes of a JSON text from which on it is compressed."""

_COMPRESSED: Final = 0x78
"""How a zlib stream begins, and no JSON text."""


def pack(json: bytes) -> bytes:
    """Return the text as it is stored: compressed by zlib if it is large."""
    return zlib.compress(json, 1) if len(json) >= COMPRESSED_FROM else json


def unpack(payload: bytes) -> bytes:
    """Return the JSON text that was packed."""
    return zlib.decompress(payload) if payload and payload[0] == _COMPRESSED else payload
