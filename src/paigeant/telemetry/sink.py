"""Log sink: lines as rows of a database, written in batches by a background thread."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, Protocol

from paigeant.errors import Unavailable
from paigeant.telemetry.lines import json_line
from paigeant.telemetry.step_lines import AnyLine, as_fields
from paigeant.telemetry.writer import Output

LONGEST_PAUSE: Final = 30.0
"""Longest backoff in seconds while the database is unavailable; the writer's queue keeps the newest lines meanwhile."""

_LOG: Final = logging.getLogger("paigeant.logs")


class Rows(Protocol):
    """Destination of rows; raises Unavailable."""

    def write(self, rows: Sequence[dict[str, Any]]) -> None:
        """Write rows, all or none."""
        ...

    def close(self) -> None:
        """Close the connection."""
        ...


class RowOf(Protocol):
    """Function from a line, and its JSON ``text``, to a row."""

    def __call__(self, line: Mapping[str, Any], text: str) -> dict[str, Any]:
        """Return the row."""
        ...


class SinkOutput(Output):
    """Writes each batch in one transaction; while the database is unavailable it retries, after 0.5 s to 30 s."""

    gather: float = 0.5

    def __init__(self, rows: Rows, row_of: RowOf) -> None:
        """Write to these rows."""
        super().__init__()
        self._rows = rows
        self._row_of = row_of

    def write(self, lines: Sequence[AnyLine]) -> None:
        """Write a batch, as soon as the database accepts it."""
        rows = [self._row_of(line, json_line(line)) for line in as_fields(lines)]
        pause = 0.0
        while True:
            try:
                self._rows.write(rows)
            except Unavailable as error:
                if not pause:
                    _LOG.warning("log lines are not kept, trying again: %s", error)
                pause = min(max(2 * pause, self.gather), LONGEST_PAUSE)
                if self.stopping.wait(pause):
                    raise OSError(str(error)) from error
            else:
                break
        if pause:
            _LOG.info("log lines are kept again")

    def close(self) -> None:
        """Close the connection."""
        self._rows.close()
