"""Log lines are kept as they were, found by their ids, and gone once they are old; in every database the same."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic_core import to_json

from paigeant.app.upkeep.log_stores import open_log_store, sink_url
from paigeant.config import Settings
from paigeant.errors import ConfigError, Unavailable
from paigeant.model.stored.log_lines import LogFilter
from paigeant.sql.log_lines.store import LogStore
from paigeant.sql.log_lines.table import in_order, log_lines, row_of

NOW = datetime.now(UTC)
RUN = uuid4()


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogStore]:
    sqlite = request.param == "sqlite"
    url = f"sqlite:///{tmp_path}/a folder/logs.db" if sqlite else request.getfixturevalue("new_postgres")(empty=True)
    store = open_log_store(url)
    yield store
    store.close()


def row(event: str, run: UUID | None = RUN, **fields: Any) -> dict[str, Any]:
    line = {"timestamp": NOW.isoformat(), "level": "info", "event": event, "namespace": "here", **fields}
    if run is not None:
        line["workflow_id"] = run
    return row_of(line, to_json(line).decode())


def test_lines_come_back_as_they_were_and_by_what_they_carry(store: LogStore):
    store.write([row("one", step="a", correlation_id="c"), row("two", level="warning", step="b"), row("three", None)])
    store.write([row("old", timestamp=(NOW - timedelta(days=2)).isoformat()), row("elsewhere", namespace="there")])
    store.write([row("nul \x00")])
    asked = LogFilter("here")

    def events(**wanted: Any) -> list[str]:
        return [line.fields["event"] for line in store.read(replace(asked, **wanted))]

    assert events()[:4] == ["one", "two", "three", "old"]
    assert events(workflow_id=RUN, limit=2)[0] == "old"
    assert events(correlation_id="c") == ["one"]
    assert events(step="b") == ["two"]
    assert events(level=30) == ["two"]
    assert events(since=NOW - timedelta(hours=1)) == ["one", "two", "three", events()[-1]]
    first = store.read(asked)[0]
    assert first.at == NOW

    assert store.prune(timedelta(days=1)) == 1
    assert "old" not in events()


def test_reading_makes_nothing(store: LogStore, tmp_path: Path):
    assert store.read(LogFilter("here")) == []
    assert store.prune(timedelta(days=1)) == 0
    assert list(tmp_path.iterdir()) == []

    store.make()
    store.make()
    store.write([row("one")])

    assert len(store.read(LogFilter("here"))) == 1


def test_page_by_page_no_line_is_left_out(store: LogStore):
    store.write([row(str(number)) for number in range(7)])
    asked, seen = LogFilter("here", after=0, limit=3), list[str]()

    while page := store.read(asked):
        seen += [line.fields["event"] for line in page]
        asked = replace(asked, after=page[-1].id)

    assert seen == [str(number) for number in range(7)]
    assert [line.fields["event"] for line in store.read(LogFilter("here", limit=2))] == ["5", "6"]


def test_what_is_written_later_is_read_later_though_another_writer_is_slow(new_postgres: Any):
    url = new_postgres(empty=True)
    slow, quick, reader = (open_log_store(url) for _ in range(3))
    reader.write([row("first")])
    writing, going_on = threading.Event(), threading.Event()

    def insert(connection: Any) -> None:
        in_order(connection)
        connection.execute(log_lines.insert(), [row("slow")])
        writing.set()
        assert going_on.wait(20)

    threads = [
        threading.Thread(target=slow._do, args=(insert,)),
        threading.Thread(target=quick.write, args=([row("quick")],)),
    ]
    threads[0].start()
    assert writing.wait(20)
    threads[1].start()
    threads[1].join(0.3)  # it may come first only if it does not wait
    seen = [line.fields["event"] for line in reader.read(LogFilter("here", after=0))]
    going_on.set()
    for thread in threads:
        thread.join(20)

    assert seen == ["first"]
    assert [line.fields["event"] for line in reader.read(LogFilter("here", after=0))] == ["first", "slow", "quick"]
    for each in (slow, quick, reader):
        each.close()


def test_a_database_that_is_away_is_said_to_be_so_without_its_password():
    store = open_log_store("postgresql://joe:hunter2@127.0.0.1:1/logs")

    with pytest.raises(Unavailable, match=r"joe:\*\*\*@127\.0\.0\.1:1/logs are out of reach") as raised:
        store.read(LogFilter("here"))

    store.close()
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("settings", "url"),
    [
        ({}, None),
        ({"log_sink": "store", "store": "sqlite:////var/p.db"}, "sqlite:////var/p-logs.db"),
        ({"log_sink": "store", "store": "postgresql://h/d"}, "postgresql://h/d"),
        ({"log_sink": "sqlite:////l.db"}, "sqlite:////l.db"),
    ],
)
def test_the_sink_beside_a_file_is_a_file_of_its_own(settings: dict[str, str], url: str | None):
    assert sink_url(Settings(**settings)) == url  # type: ignore[arg-type]


def test_what_keeps_no_lines_is_refused_with_what_does():
    with pytest.raises(ConfigError, match="keeps no log lines; use a URL of a database"):
        sink_url(Settings(store="memory://", log_sink="store"))
    with pytest.raises(
        ConfigError, match="no log store plugin for 'redis://localhost'; known schemes: postgresql, sqlite"
    ):
        open_log_store("redis://localhost")
