"""Whatever a stranger calls himself and sends, `paigeant dead` shows it in its place, and steers no terminal."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paigeant.model.stored.dead_letters import Flaw, RejectedMessage
from paigeant.stores.sqlite import SqliteStore


@pytest.fixture
def keep(tmp_path: Path) -> Callable[..., None]:
    def keep(body: bytes, message_id: str = "stranger", times: int = 1) -> None:
        async def write() -> None:
            async with SqliteStore(f"sqlite:///{tmp_path}/.paigeant/paigeant.db") as store:
                rejected = RejectedMessage.of("live", message_id, body, Flaw.UNREADABLE, "no message of ours")
                await store.record_dead_letters([rejected] * times)

        asyncio.run(write())

    return keep


@pytest.mark.parametrize("name", ["x" * 5_000, "\x1b[2J", "[bold]me[/bold]", "[/]", ":boom:", ""])
def test_a_line_of_the_table_is_one_line_whatever_a_stranger_calls_himself(paigeant: Any, keep: Any, name: str):
    keep(b"nonsense", name)

    listed = paigeant("dead", "list")

    assert (listed.code, len(listed.stdout.splitlines())) == (0, 2)
    assert "\x1b" not in listed.stdout
    if name.startswith(("[", ":")):
        assert name in listed.stdout


def test_how_often_it_came_is_said(paigeant: Any, keep: Any):
    keep(b"once")
    keep(b"often", times=1_200)

    assert "\ncame:       once, at 20" in paigeant("dead", "show", "1").stdout
    assert "\ncame:       1,200 times, first at 20" in paigeant("dead", "show", "2").stdout


def test_of_a_long_body_the_beginning_is_shown(paigeant: Any, keep: Any):
    keep(b"[" * 50_000)

    shown = paigeant("dead", "show", "1").stdout

    assert shown.endswith("[" * 2_000 + "\n… (50,000 bytes are here; --raw writes them all)\n")


@pytest.mark.parametrize(("answer", "code", "left"), [("y\n", 0, 0), ("n\n", 1, 1)])
def test_a_person_is_asked_before_all_are_dropped(
    paigeant: Any, keep: Any, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, left: int
):
    keep(b"nonsense")
    keyboard = io.StringIO(answer)
    monkeypatch.setattr(keyboard, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", keyboard)

    ended = paigeant("dead", "drop", "--all")

    assert ended.code == code
    assert "Drop all dead letters of sqlite:///" in ended.stderr
    assert len(paigeant("dead", "list", "--json").json["dead_letters"]) == left


def test_the_doctor_counts_them(paigeant: Any, keep: Any):
    for number in range(3):
        keep(b"%d" % number)

    findings = paigeant("doctor", "--json").json["findings"]

    [said] = [finding["said"] for finding in findings if finding["about"] == "dead letters"]
    assert said == "3 messages could not be run"


def test_where_the_broker_does_not_answer_a_replay_ends_with_4(paigeant: Any, keep: Any):
    keep(b"nonsense")

    ended = paigeant("dead", "replay", "1", "--json", transport="redis://127.0.0.1:1")

    assert (ended.code, ended.json["error"]["type"]) == (4, "Unavailable")
