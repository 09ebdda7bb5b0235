"""`paigeant prune` deletes what is over and old, asks before it does, and tells what it did."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from paigeant.model.stored.claims import Announced
from paigeant.model.stored.dead_letters import Flaw, RejectedMessage
from paigeant.stores.sqlite import SqliteStore
from paigeant.testing.builders import completed, new_run, notice


@pytest.fixture
def ended(tmp_path: Path, paigeant: Callable[..., Any]) -> Callable[..., Any]:
    """A store with a run that completed, one that was terminated, one that waits for a worker, and a dead letter."""

    async def make() -> None:
        async with SqliteStore(f"sqlite:///{tmp_path}/.paigeant/paigeant.db") as store:
            runs = [new_run("draft") for _ in range(3)]
            await store.record_workflow_start(runs)
            [grant] = await store.claim("a worker", Announced([notice(runs[0])]), 1, timedelta(minutes=1))
            await store.record_step_result([completed(grant)], timedelta(minutes=1))
            await store.terminate(runs[1].workflow_id)
            await store.record_dead_letters(
                [RejectedMessage.of("draft", "1", b"nonsense", Flaw.UNREADABLE, "no message")]
            )

    asyncio.run(make())
    return paigeant


def left(paigeant: Callable[..., Any]) -> set[str]:
    return {run["status"] for run in paigeant("runs", "--json").json["runs"]}


def test_what_is_over_and_old_goes_and_the_rest_stays(ended: Any):
    assert ended("prune", "--older-than", "1h", "--yes", "--json").json == {"deleted": 0, "dead_letters": 0}
    found = ended("prune", "--older-than", "0s", "--dry-run", "--json").json
    assert found == {"would_delete": 2, "dead_letters": 1}
    assert left(ended) == {"completed", "terminated", "pending"}

    gone = ended("prune", "--older-than", "0s", "--yes", "--json", "--status", "terminated").json
    assert gone == {"deleted": 1, "dead_letters": 0}
    assert left(ended) == {"completed", "pending"}
    gone = ended("prune", "--older-than", "0s", "--yes", "--json", "--batch", "1").json
    assert gone == {"deleted": 1, "dead_letters": 1}
    assert left(ended) == {"pending"}
    assert ended("dead", "list", "--json").json["dead_letters"] == []


def test_it_says_where_it_deletes(ended: Any):
    done = ended("prune", "--older-than", "0s", "--yes")

    assert (done.code, done.stdout) == (0, "")
    assert done.stderr.startswith("deleted 2 runs and 1 dead letter of sqlite:///")
    assert done.stderr.endswith("paigeant.db, namespace default\n")


@pytest.mark.parametrize(("answer", "code", "gone"), [("y\n", 0, 2), ("n\n", 1, 0)])
def test_it_asks_a_person_first(ended: Any, monkeypatch: pytest.MonkeyPatch, answer: str, code: int, gone: int):
    keyboard = io.StringIO(answer)
    monkeypatch.setattr(keyboard, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdin", keyboard)

    done = ended("prune", "--older-than", "0s")

    assert (done.code, done.stdout.strip()) == (code, "")
    assert "Delete 2 runs and 1 dead letter of sqlite:///" in done.stderr
    assert len(left(ended)) == 3 - gone


@pytest.mark.parametrize("words", [[], ["--json"]])
def test_without_anybody_to_ask_it_deletes_nothing(ended: Any, monkeypatch: pytest.MonkeyPatch, words: list[str]):
    monkeypatch.setattr("sys.stdin", io.StringIO())

    refused = ended("prune", "--older-than", "0s", *words)

    assert refused.code == 2
    assert "this would delete 2 runs and 1 dead letter of" in refused.stdout + refused.stderr
    assert "add --yes, or --dry-run" in refused.stdout + refused.stderr
    assert len(left(ended)) == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "--older-than is missing"),
        (["--older-than", "30"], "30 lacks its unit: write 30s, 30m, 30h or 30d"),
        (["--older-than", "-3d"], "'-3d' is no span of time"),
        (["--older-than", "999999w"], "more than a hundred years"),
        (["--older-than", "3d", "--status", "running"], "runs that are running are not over; there are: cancelled"),
        (["--older-than", "3d", "--batch", "0"], "--batch"),
    ],
)
def test_what_makes_no_sense_is_refused(paigeant: Any, words: list[str], said: str):
    refused = paigeant("prune", *words, "--yes")

    assert (refused.code, refused.stdout) == (2, "")
    assert said in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
