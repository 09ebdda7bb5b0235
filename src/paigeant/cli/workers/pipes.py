"""Broken pipes: a worker goes on when nobody reads any more what its steps print, as in ``paigeant run | head``."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, Final, TextIO, cast

_GONE: Final = (errno.EPIPE, errno.EIO)
"""The reader went away; the terminal was closed."""
_STREAMS: Final = ("stdout", "stderr")


class _Forgiving(io.RawIOBase):
    """Writes to a file descriptor as long as somebody reads; after that what is written goes nowhere."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        try:
            return os.write(self._descriptor, data)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return len(memoryview(data))


def forgive_broken_pipes() -> None:
    """Let no ``print`` of a step fail because whoever read it has gone."""
    for name in _STREAMS:
        stream: TextIO = getattr(sys, name)
        try:
            raw = _Forgiving(stream.fileno())
        except (OSError, ValueError, AttributeError):
            continue  # it is no file
        stream.flush()
        buffered = io.BufferedWriter(cast("Any", raw))
        made = io.TextIOWrapper(buffered, encoding=stream.encoding, errors="backslashreplace", line_buffering=True)
        setattr(sys, name, made)
