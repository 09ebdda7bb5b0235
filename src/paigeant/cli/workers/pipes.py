"""Broken pipes: a worker goes on when the reader of its steps' output is gone, as in ``paigeant run | head``."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any, Final, TextIO, cast

_GONE: Final = (errno.EPIPE, errno.EIO)
"""Errors of a gone reader, and of a closed terminal."""
_STREAMS: Final = ("stdout", "stderr")


class _Forgiving(io.RawIOBase):
    """Writes to a file descriptor as long as it has a reader; after that output is discarded."""

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
    """Prevent ``print`` in a step from failing because the reader is gone."""
    for name in _STREAMS:
        stream: TextIO = getattr(sys, name)
        try:
            raw = _Forgiving(stream.fileno())
        except (OSError, ValueError, AttributeError):
            continue  # not a file
        stream.flush()
        buffered = io.BufferedWriter(cast("Any", raw))
        made = io.TextIOWrapper(buffered, encoding=stream.encoding, errors="backslashreplace", line_buffering=True)
        setattr(sys, name, made)
