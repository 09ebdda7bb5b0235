"""`paigeant doctor` finds what is wrong, says how to fix it, and ends with the code of the worst."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paigeant.abc import Resource
from paigeant.model.checks.findings import Finding
from paigeant.model.plan import WorkerCard
from paigeant.stores.memory import MemoryStore
from paigeant.stores.sqlite import SqliteStore
from paigeant.testing.builders import new_run

HEALTHY = {
    *{("python", about) for about in ("version", "pydantic-ai", "extras")},
    *{("settings", about) for about in ("from", "namespace", "env", "signing", "handlers")},
    *{("store", about) for about in ("reachable", "version", "schema", "clock", "durable", "disk", "rights", "room")},
    ("store", "commit"),
    ("transport", "reachable"),
    *{("work", about) for about in ("workers", "unserved", "providers", "waiting", "dead letters")},
}


def bad(ended: Any) -> list[dict[str, str]]:
    return [finding for finding in ended.json["findings"] if finding["severity"] != "ok"]


def test_where_nothing_is_wrong_it_says_so(paigeant: Callable[..., Any], tmp_path: Path):
    async def make() -> None:
        async with SqliteStore(f"sqlite:///{tmp_path}/.paigeant/paigeant.db"):
            pass

    asyncio.run(make())
    said, ended = paigeant("doctor"), paigeant("doctor", "--json")

    assert (said.code, said.stderr) == (0, "")
    assert said.stdout.endswith("\nnothing is wrong\n")
    assert (ended.code, ended.json["healthy"], bad(ended)) == (0, True, [])
    assert {(finding["part"], finding["about"]) for finding in ended.json["findings"]} == HEALTHY


def test_it_tells_who_works_and_what_waits_for_nobody(paigeant: Callable[..., Any], tmp_path: Path):
    async def prepare() -> None:
        async with SqliteStore(f"sqlite:///{tmp_path}/.paigeant/paigeant.db") as store:
            await store.record_workflow_start([new_run("draft"), new_run("print")])
            await store.report_worker(WorkerCard("alice", "here", 1, ("draft",)))

    asyncio.run(prepare())
    ended = paigeant("doctor", "--json")

    [warning] = bad(ended)
    assert ended.code == 0
    assert (warning["part"], warning["about"]) == ("work", "unserved")
    assert warning["said"] == "no living worker serves print"
    assert "paigeant run" in warning["fix"]
    assert "1 alive, on 1 machine" in {finding["said"] for finding in ended.json["findings"]}


def test_a_wrong_setting(paigeant: Callable[..., Any]):
    ended = paigeant("doctor", "--json", concurrency="many")

    [problem] = bad(ended)
    assert ended.code == 2
    assert problem["said"].startswith("PAIGEANT_CONCURRENCY is 'many'")


def test_handlers_that_cannot_be_loaded(paigeant: Callable[..., Any], tmp_path: Path):
    (tmp_path / "broken_handlers.py").write_text("1 / 0\n")

    ended = paigeant("doctor", "--json", handlers="broken_handlers.py")

    [problem] = bad(ended)
    assert ended.code == 2
    assert "ZeroDivisionError" in problem["said"]


@pytest.mark.parametrize(
    ("setting", "url"),
    [
        ("store", "postgresql://me:geheim@127.0.0.1:1/shop"),
        ("transport", "redis://me:geheim@127.0.0.1:1"),
        ("transport", "amqp://me:geheim@127.0.0.1:1"),
    ],
)
def test_what_does_not_answer_is_a_problem_and_the_rest_is_looked_at_all_the_same(
    paigeant: Callable[..., Any], setting: str, url: str
):
    ended = paigeant("doctor", "--json", **{setting: url})

    [problem] = bad(ended)
    assert ended.code == 4
    assert (problem["part"], problem["about"]) == (setting, "reachable")
    assert "geheim" not in ended.stdout + ended.stderr
    assert {finding["part"] for finding in ended.json["findings"]} >= {"store", "transport", "settings"}


@pytest.mark.parametrize(
    ("setting", "url", "module", "extra"),
    [
        ("store", "postgresql://127.0.0.1/shop", "asyncpg", "postgres"),
        ("transport", "redis://127.0.0.1", "redis", "redis"),
        ("transport", "amqp://127.0.0.1", "aio_pika", "rabbitmq"),
    ],
)
def test_a_missing_extra(
    paigeant: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, setting: str, url: str, module: str, extra: str
):
    ours = ("paigeant.stores.postgresql", "paigeant.transports.redis", "paigeant.transports.rabbitmq")
    for name in [name for name in sys.modules if name.startswith((*ours, f"{module}."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)

    ended = paigeant("doctor", "--json", **{setting: url})

    [problem] = bad(ended)
    assert ended.code == 2
    assert problem["said"].endswith(f"pip install 'paigeant[{extra}]'")


def examined(*findings: Finding) -> Any:
    async def examine(_: Resource) -> tuple[Finding, ...]:
        return findings

    return examine


def test_what_a_part_finds_about_itself_counts(paigeant: Callable[..., Any], monkeypatch: pytest.MonkeyPatch):
    broken = Finding.problem("rights", "this user may not write", "grant it")
    monkeypatch.setattr(MemoryStore, "examine", examined(broken))

    said = paigeant("doctor", store="memory://")

    assert said.code == 1
    assert "problem store rights: this user may not write\n        → grant it\n" in said.stdout
    assert said.stdout.endswith("\nproblems: 1, warnings: 0\n")


@pytest.mark.parametrize(("env", "severity", "code"), [("dev", "warning", 0), ("prod", "problem", 1)])
def test_what_may_forget_is_a_problem_in_production_only(
    paigeant: Callable[..., Any], monkeypatch: pytest.MonkeyPatch, env: str, severity: str, code: int
):
    forgetful = Finding.warning("durable", "fsync is off", "set fsync = on", forgets=True)
    monkeypatch.setattr(MemoryStore, "examine", examined(forgetful))

    ended = paigeant("doctor", "--json", store="memory://", env=env)

    found = [finding["severity"] for finding in bad(ended) if finding["about"] != "signing"]
    assert (ended.code, found) == (code, [severity])
