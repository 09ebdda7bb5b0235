"""Whoever logs never waits: lines that come faster than they are written are dropped, the least urgent first."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence

import pytest

from paigeant.errors import Unavailable
from paigeant.telemetry.sink import SinkOutput
from paigeant.telemetry.step_lines import AnyLine, as_fields
from paigeant.telemetry.writer import LogWriter, Output


class Blocked(Output):
    """An output that takes nothing until it may."""

    def __init__(self) -> None:
        super().__init__()
        self.may_write = threading.Event()
        self.began = threading.Event()
        self.lines: list[str] = []

    def write(self, lines: Sequence[AnyLine]) -> None:
        self.began.set()
        self.may_write.wait(10)
        self.lines += [line["event"] for line in as_fields(lines)]

    def close(self) -> None:
        self.lines.append("closed")


def put(writer: LogWriter, name: str, level: int = logging.INFO) -> None:
    writer.put({"event": name, "level": logging.getLevelName(level).lower(), "timestamp": "", "logger": ""}, level)


def test_a_full_queue_drops_the_oldest_below_warning_first_and_counts_them():
    output = Blocked()
    writer = LogWriter(output, capacity=4)
    put(writer, "written", logging.WARNING)
    assert output.began.wait(5)  # the thread hangs in it from now on

    for name, level in [("w1", 30), ("i1", 20), ("i2", 20), ("w2", 30), ("w3", 30), ("i3", 20), ("i4", 20)]:
        put(writer, name, level)
    dropped = writer.dropped
    output.may_write.set()
    assert writer.flush(5)
    writer.close()

    assert output.lines == ["written", "w1", "w2", "w3", "i4", "closed"]
    assert dropped == 3


def test_lines_keep_their_order_whatever_their_levels():
    output = Blocked()
    output.may_write.set()
    writer = LogWriter(output)

    for number in range(2000):
        put(writer, str(number), logging.ERROR if number % 7 == 0 else logging.INFO)
    assert writer.flush(5)
    writer.close()

    assert output.lines[:-1] == [str(number) for number in range(2000)]
    assert writer.dropped == 0


class Failing(Output):
    """An output whose disk is full until it is not."""

    def __init__(self) -> None:
        super().__init__()
        self.full = True
        self.lines: list[str] = []

    def write(self, lines: Sequence[AnyLine]) -> None:
        if self.full:
            raise OSError(28, "No space left on device")
        self.lines += [line["event"] for line in as_fields(lines)]

    def close(self) -> None:
        """Nothing to close."""


def test_a_full_disk_loses_what_comes_meanwhile_and_nothing_after():
    output = Failing()
    writer = LogWriter(output)
    put(writer, "lost", logging.WARNING)
    assert writer.flush(5)
    output.full = False

    put(writer, "kept", logging.WARNING)
    assert writer.flush(5)
    writer.close()

    assert (output.lines, writer.dropped) == (["kept"], 1)


class Away:
    """A database that is out of reach at first."""

    def __init__(self, times: int) -> None:
        self.times = times
        self.rows: list[str] = []

    def write(self, rows: Sequence[dict[str, object]]) -> None:
        if self.times:
            self.times -= 1
            raise Unavailable("the database is away")
        self.rows += [str(row["event"]) for row in rows]

    def close(self) -> None:
        """Nothing to close."""


def test_a_sink_that_is_away_is_asked_again(caplog: pytest.LogCaptureFixture):
    caplog.set_level(logging.INFO, "paigeant.logs")
    away = Away(2)
    sink = SinkOutput(away, lambda line, text: {"event": line["event"]})
    sink.gather = 0.01
    writer = LogWriter(sink)

    put(writer, "kept", logging.WARNING)
    assert writer.flush(5)
    writer.close()

    assert away.rows == ["kept"]
    assert [record.levelname for record in caplog.records if record.name == "paigeant.logs"] == ["WARNING", "INFO"]


def test_a_sink_that_stays_away_does_not_keep_the_process():
    writer = LogWriter(SinkOutput(Away(10**9), lambda line, text: {"event": line["event"]}))
    put(writer, "lost", logging.WARNING)

    writer.close(0.1)

    assert writer.dropped == 1
