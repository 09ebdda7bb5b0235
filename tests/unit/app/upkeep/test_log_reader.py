"""Kept log lines are read over one connection, by whoever asks, until it is closed."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from paigeant.app.upkeep import log_lines
from paigeant.app.upkeep.log_lines import LogReader
from paigeant.app.upkeep.log_stores import open_log_store
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.stored.log_lines import LogFilter
from paigeant.sql.log_lines.store import LogStore


async def test_a_database_is_opened_once_however_often_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened: list[str] = []

    def counting(url: str) -> LogStore:
        opened.append(url)
        return open_log_store(url)

    monkeypatch.setattr(log_lines, "open_log_store", counting)
    settings = Settings(log_sink=f"sqlite:///{tmp_path}/logs.db")

    with LogReader(settings) as reader:
        assert opened == []
        pages = await asyncio.gather(*(reader.ask(LogFilter("here")) for _ in range(5)))
        assert [*pages, reader.read(LogFilter("here"))] == [[]] * 6
    assert len(opened) == 1


def test_without_a_sink_it_says_how_to_get_one():
    with LogReader(Settings()) as reader, pytest.raises(ConfigError, match="set PAIGEANT_LOG_SINK=store"):
        reader.read(LogFilter("here"))
