"""What only reads creates nothing, and says that there is nothing yet."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

READING = ["runs", "workflows", "workers", "dead list", "show --last", "show 01890a5d", "variables --last"]


STEERING = ["prune --older-than 1d --dry-run", "cancel --last", "dead drop --all --yes"]
LOOKING = ["doctor", "config", "cost", "approvals list", "top --once", "audit verify --all"]


@pytest.mark.parametrize("words", [*READING, *STEERING, *LOOKING])
def test_nothing_is_made_in_an_empty_folder(paigeant: Callable[..., Any], tmp_path: Path, words: str):
    ended = paigeant(*words.split())

    assert list(tmp_path.iterdir()) == []
    assert ended.code == (2 if "--last" in words or "show" in words else 0)
    if words in {"runs", "workflows", "workers", "dead list"}:
        assert ended.stdout == ""
        assert ended.stderr.startswith("there is nothing yet: sqlite:///")
        assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize("words", ["logs", "logs --json", "prune --older-than 1d --yes"])
def test_where_no_line_was_kept_yet_nothing_is_made(paigeant: Callable[..., Any], tmp_path: Path, words: str):
    ended = paigeant(*words.split(), log_sink="store")

    assert ended.code == 0, ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("words", "empty"),
    [
        ("runs", {"runs": [], "next": None}),
        ("workflows", {"workflows": []}),
        ("workers", {"workers": []}),
        ("dead list", {"dead_letters": [], "next": None}),
    ],
)
def test_a_program_reads_that_there_is_nothing(paigeant: Callable[..., Any], words: str, empty: Any):
    assert paigeant(*words.split(), "--json").json == empty


@pytest.mark.parametrize("words", [*READING, "doctor", "dispatch hello"])
def test_a_database_in_a_folder_that_is_missing_is_an_error(paigeant: Callable[..., Any], tmp_path: Path, words: str):
    ended = paigeant(*words.split(), store="sqlite:///nosuch/a.db")

    assert ended.code == 2
    if words.startswith("dispatch"):
        return  # which makes it, and does not know the workflow
    assert f"is not there, and nor is its folder {tmp_path}/nosuch" in ended.stdout + ended.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["what?.db", "a#b.db", "100%.db", "q?x", "a b.db"])
def test_a_path_is_used_as_it_is_shown(paigeant: Callable[..., Any], tmp_path: Path, name: str):
    (tmp_path / "paigeant.yaml").write_text("workflows: {hello: [{activity: greet, elsewhere: true}]}\n")
    store = f"sqlite:///{tmp_path}/{name}"

    assert paigeant("dispatch", "hello", store=store).code == 0

    assert (tmp_path / name).is_file()
    assert paigeant("config", "--json", store=store).json["settings"]["store"]["value"] == store
    assert len(paigeant("runs", "--json", store=store).json["runs"]) == 1


@pytest.mark.parametrize(
    "url", ["postgresql://host/a#b", "redis://host/0#1", "amqp://host/x#y", "memory://a#b", "sqlite:///a.db?mode=ro"]
)
def test_a_part_of_a_url_that_would_mean_nothing_is_refused(paigeant: Callable[..., Any], tmp_path: Path, url: str):
    setting = "transport" if url.startswith(("redis", "amqp")) else "store"

    ended = paigeant("runs", **{setting: url})

    assert (ended.code, ended.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("url", ["SQLITE:///a.db", "Postgresql://host/a", "REDIS://host"])
def test_a_scheme_is_written_in_small_letters(paigeant: Callable[..., Any], tmp_path: Path, url: str):
    ended = paigeant("runs", **{"transport" if url.startswith("REDIS") else "store": url})

    assert (ended.code, ended.stdout) == (2, "")
    assert f"schemes are written in small letters: {url.partition(':')[0].lower()}://" in ended.stderr
    assert list(tmp_path.iterdir()) == []
