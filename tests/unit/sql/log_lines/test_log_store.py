"""Log lines are kept as they were, found by their ids, and gone once they are old; in every database the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from pydantic_core import to_json

from paigeant.app.upkeep.log_lines import open_log_store, sink_url
from paigeant.config import Settings
from paigeant.errors import ConfigError, Unavailable
from paigeant.model.stored.log_lines import LogFilter
from paigeant.sql.log_lines.store import LogStore
from paigeant.sql.log_lines.table import row_of

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
    assert events(after=first.id, limit=1) == [events()[-1]]
    assert first.at == NOW

    assert store.prune(timedelta(days=1)) == 1
    assert "old" not in events()


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
