"""Log writer: a thread that renders and writes the lines of the process, which never wait for it.

Its queue holds 10,000 lines. When it is full, or writing fails, lines are dropped, the oldest below warning first, and
counted. A batch is written by one call. Lines below warning are collected for 20 ms.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from time import monotonic
from typing import Final, TextIO, TypeAlias

from paigeant.telemetry.step_lines import AnyLine

Render: TypeAlias = Callable[[Sequence[AnyLine]], str]
"""Function from lines to their text, each with its end."""

CAPACITY: Final = 10_000
"""Limit of queued lines."""

BATCH: Final = 500
"""Lines in one batch."""

GATHER: Final = 0.02
"""Seconds for which lines below warning are collected."""

FLUSH: Final = 2.0
"""Seconds for which the end of the process waits for queued lines."""


class Output(ABC):
    """Destination of lines. Lines below warning are collected for ``gather`` seconds; ``stopping`` ends pauses."""

    gather: float = GATHER

    def __init__(self) -> None:
        self.stopping: threading.Event = threading.Event()

    @abstractmethod
    def write(self, lines: Sequence[AnyLine]) -> None:
        """Write a batch; called in the writer's thread only. Raises OSError for lines that are lost."""

    @abstractmethod
    def close(self) -> None:
        """Close everything it has opened."""


class StreamOutput(Output):
    """Writes to the stream that ``stream`` returns at the moment, such as ``sys.stderr``."""

    def __init__(self, render: Render, stream: Callable[[], TextIO] = lambda: sys.stderr) -> None:
        """Write lines as rendered by ``render``."""
        super().__init__()
        self._render = render
        self._stream = stream

    def write(self, lines: Sequence[AnyLine]) -> None:
        """Write a batch; characters missing in the stream's encoding are escaped."""
        text, stream = self._render(lines), self._stream()
        try:
            try:
                stream.write(text)
            except UnicodeEncodeError:
                stream.write(text.encode("ascii", "backslashreplace").decode())
            stream.flush()
        except ValueError as error:  # it is closed
            raise OSError(str(error)) from error

    def close(self) -> None:
        """Leave the stream open: it is not ours."""


class FileOutput(Output):
    """Appends to a file, which is reopened once it was moved or deleted, as logrotate does."""

    def __init__(self, render: Render, path: Path) -> None:
        """Open the file; raises OSError."""
        super().__init__()
        self._render = render
        self._path = path
        self._file = self._open()

    def _open(self) -> TextIO:
        return self._path.open("a", encoding="utf-8", errors="backslashreplace")

    def write(self, lines: Sequence[AnyLine]) -> None:
        """Append a batch."""
        if self._moved():
            self._file.close()
            self._file = self._open()
        self._file.write(self._render(lines))
        self._file.flush()

    def _moved(self) -> bool:
        try:
            return not os.path.samestat(self._path.stat(), os.fstat(self._file.fileno()))
        except OSError:
            return True

    def close(self) -> None:
        """Close the file."""
        self._file.close()


class LogWriter:
    """Accepts lines from any thread and writes them in its own."""

    def __init__(self, output: Output, capacity: int = CAPACITY) -> None:
        """Start the thread."""
        self._output = output
        self._capacity = capacity
        self._lock = threading.Condition()
        self._plain: deque[tuple[int, AnyLine]] = deque()
        self._urgent: deque[tuple[int, AnyLine]] = deque()
        self._numbers = count()
        self._writing = 0
        self._idle = False
        self._closed = False
        self.dropped: int = 0
        """Number of lost lines: the queue was full, or the output could not be written."""
        self._start()
        os.register_at_fork(after_in_child=self._start_in_child)

    def _start(self) -> None:
        self._thread = threading.Thread(target=self._run, name="paigeant-log", daemon=True)
        self._thread.start()

    def _start_in_child(self) -> None:
        """Write the lines of a forked child, and none of its parent's."""
        self._lock = threading.Condition()
        self._plain.clear()
        self._urgent.clear()
        self._writing = 0
        self._idle = False
        if not self._closed:
            self._start()

    def put(self, line: AnyLine, level: int) -> None:
        """Queue a line; returns at once, with or without success.

        No lock is taken while the thread is busy: the thread marks itself idle before it checks the queue for the last
        time, and here a line is queued before the mark is checked, so that no line is missed.
        """
        if len(self._plain) + len(self._urgent) >= self._capacity:
            self._drop_oldest()
        urgent = level >= logging.WARNING
        queue = self._urgent if urgent else self._plain
        queue.append((next(self._numbers), line))
        if urgent or self._idle or len(queue) == BATCH:
            with self._lock:
                self._lock.notify_all()

    def _drop_oldest(self) -> None:
        with self._lock:
            if len(self._plain) + len(self._urgent) >= self._capacity:
                (self._plain or self._urgent).popleft()
                self.dropped += 1

    def _run(self) -> None:
        while True:
            with self._lock:
                self._idle = True
                while not self._plain and not self._urgent:
                    if self._closed:
                        return
                    self._lock.wait()
                self._idle = False
                if not self._urgent and not self._closed and len(self._plain) < BATCH:
                    self._lock.wait(self._output.gather)
                batch = self._next_batch()
                self._writing = len(batch)
            self._write(batch)
            with self._lock:
                self._writing = 0
                self._lock.notify_all()

    def _next_batch(self) -> list[AnyLine]:
        if not self._urgent:
            return [self._plain.popleft()[1] for _ in range(min(BATCH, len(self._plain)))]
        batch: list[AnyLine] = []
        while len(batch) < BATCH and (self._plain or self._urgent):
            first = self._plain and (not self._urgent or self._plain[0][0] < self._urgent[0][0])
            batch.append((self._plain if first else self._urgent).popleft()[1])
        return batch

    def _write(self, batch: Sequence[AnyLine]) -> None:
        try:
            self._output.write(batch)
        except OSError:  # no reader any more, or a full disk: later writes may succeed
            self.dropped += len(batch)
        except Exception:  # noqa: BLE001  (of a value that cannot be shown: the others of the batch can)
            if len(batch) == 1:
                self.dropped += 1
                return
            for line in batch:
                self._write([line])

    def flush(self, seconds: float = FLUSH) -> bool:
        """Wait until all lines so far are written, at most this long; returns True if they are."""
        until = monotonic() + seconds
        with self._lock:
            while self._plain or self._urgent or self._writing:
                left = until - monotonic()
                if left <= 0 or not self._thread.is_alive():
                    return False
                self._lock.notify_all()
                self._lock.wait(min(left, 0.05))
        return True

    def close(self, seconds: float = FLUSH) -> None:
        """Write the rest, at most this long, and end the thread."""
        self.flush(seconds)
        self._output.stopping.set()
        with self._lock:
            self._closed = True
            self._lock.notify_all()
        self._thread.join(min(seconds, 0.5))
        if not self._thread.is_alive():
            self._output.close()
