"""An operator sees what could not be run, and decides what becomes of it."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from typing import Any

import pytest

from paigeant.model.stored.dead_letters import KEPT_BYTES, Flaw, RejectedMessage
from paigeant.stores.sqlite import SqliteStore

BODY = b"\x00\xff\x1b[2Jno message"


async def keep(project: Any, *bodies: bytes) -> None:
    async with SqliteStore(f"sqlite:///{project.folder}/.paigeant/paigeant.db") as store:
        await store.record_dead_letters(
            [
                RejectedMessage.of("greet", "run:1", body, Flaw.UNREADABLE, "not a message of ours: no frame")
                for body in bodies
            ]
        )


@pytest.fixture
def letters(project: Any) -> Any:
    assert project.paigeant("dead", "list").returncode == 0
    asyncio.run(keep(project, BODY, BODY, b"x" * (KEPT_BYTES + 1)))
    return project


def listed(project: Any) -> list[Any]:
    """Return what lies there, the largest first."""
    letters = project.json("dead", "list")["dead_letters"]
    return sorted(letters, key=lambda letter: -letter["size"])


def test_where_there_are_none_that_is_said(project: Any):
    project.paigeant("dispatch", "hello", "input.json")

    ended = project.paigeant("dead", "list")

    assert (ended.returncode, ended.stdout) == (0, "")
    assert ended.stderr.startswith("no dead letters in sqlite:///")
    assert project.json("dead", "list") == {"dead_letters": [], "next": None}


def test_they_are_listed_and_shown_with_what_is_wrong(letters: Any):
    large, small = listed(letters)
    shown = letters.paigeant("dead", "show", str(small["id"]))
    table = letters.paigeant("dead", "list").stdout

    assert (small["reason"], small["count"], small["size"], small["topic"]) == ("unreadable", 2, len(BODY), "greet")
    assert b64decode(small["body"]) == BODY
    assert (large["size"], len(b64decode(large["body"]))) == (KEPT_BYTES + 1, 65_536)
    assert "unreadable: not a message of ours: no frame" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert [line.split()[0] for line in table.splitlines()] == ["id", "2", "1"]
    assert letters.json("dead", "show", str(small["id"])) == small
    assert letters.paigeant("dead", "list", "--topic", "print").stdout == ""
    first = letters.json("dead", "list", "--limit", "1")
    second = letters.json("dead", "list", "--after", first["next"])
    assert [letter["id"] for letter in first["dead_letters"] + second["dead_letters"]] == [2, 1]


def test_without_a_broker_replaying_says_why_it_cannot_be(letters: Any):
    large, small = listed(letters)

    ended = letters.paigeant("dead", "replay", str(small["id"]), str(large["id"]))
    as_json = letters.json("dead", "replay", str(small["id"]))

    assert ended.returncode == 1
    assert "PAIGEANT_TRANSPORT names no broker" in ended.stderr
    assert "only its head is here" in ended.stderr
    assert [one["fate"] for one in as_json["replayed"]] == ["stuck"]
    assert len(listed(letters)) == 2


def test_those_named_are_dropped_and_all_only_if_somebody_agrees(letters: Any):
    _, small = listed(letters)

    assert letters.json("dead", "drop", str(small["id"]), "4711") == {"dropped": 1}
    assert letters.paigeant("dead", "drop", str(small["id"])).returncode == 2
    refused = letters.paigeant("dead", "drop", "--all")
    assert (refused.returncode, len(listed(letters))) == (2, 1)
    assert "add --yes" in refused.stderr
    assert letters.json("dead", "drop", "--older-than", "1d", "--yes") == {"dropped": 0}
    assert "dropped 1 dead letter of" in letters.paigeant("dead", "drop", "--all", "--yes").stderr
    assert listed(letters) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "4711"], "no dead letter has the id 4711"),
        (["show", str(2**70)], f"no dead letter has the id {2**70}"),
        (["replay", "4711"], "no dead letter has the id 4711"),
        (["drop", "4711"], "no dead letter has the id 4711"),
        (["drop"], "name the letters, or give --all or --older-than"),
        (["drop", "1", "--all"], "name the letters, or give --all or --older-than"),
        (["drop", "--older-than", "soon"], "'soon' is no span of time"),
        (["show", "first"], "a whole number is expected"),
        (["list", "--after", "first"], "is not the `next` of a page"),
    ],
)
def test_what_is_not_there_is_one_line_and_exits_2(letters: Any, words: list[str], said: str):
    ended = letters.paigeant("dead", *words)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
