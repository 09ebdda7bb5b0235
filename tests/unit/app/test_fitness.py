"""A worker does not start on what would not work, nor in production on what may forget; else it says how to fix it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from paigeant.abc import Hooks
from paigeant.activities.registry import ActivityRegistry
from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.checks.findings import Finding
from paigeant.model.events import Event, Noticed
from paigeant.stores.memory import MemoryStore

PROBLEM = Finding.problem("rights", "this user may not write", "grant it")
WARNING = Finding.warning("room", "the disk is nearly full", "make room")
FORGETS = Finding.warning("eviction", "it may throw queues away", "set maxmemory-policy noeviction", forgets=True)


class Ears(Hooks):
    def __init__(self) -> None:
        self.noticed: list[Finding] = []

    def on_event(self, event: Event) -> None:
        if isinstance(event, Noticed):
            self.noticed.append(event.finding)


async def start(monkeypatch: pytest.MonkeyPatch, env: str, *findings: Finding) -> list[Finding]:
    async def examine(_: object) -> Sequence[Finding]:
        return findings

    monkeypatch.setattr(MemoryStore, "examine", examine)
    registry, ears = ActivityRegistry(), Ears()

    @registry.execute()
    def greet() -> str:
        return "hello"

    settings = Settings.model_validate({"store": "memory://", "env": env})
    async with Paigeant(registry, settings=settings, hooks=ears) as app, app.worker():
        return ears.noticed


async def test_a_problem_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigError, match=r"^this user may not write: grant it$"):
        await start(monkeypatch, "dev", Finding.ok("version", "16.2"), PROBLEM)


async def test_a_warning_is_told_and_what_is_good_is_not(monkeypatch: pytest.MonkeyPatch):
    assert await start(monkeypatch, "prod", Finding.ok("version", "16.2"), WARNING) == [WARNING]


async def test_what_may_forget_is_a_warning_while_developing(monkeypatch: pytest.MonkeyPatch):
    assert await start(monkeypatch, "dev", FORGETS) == [FORGETS]


async def test_what_may_forget_is_refused_in_production(monkeypatch: pytest.MonkeyPatch):
    with pytest.raises(ConfigError, match=r"^it may throw queues away \(PAIGEANT_ENV=prod\): set maxmemory-policy"):
        await start(monkeypatch, "prod", FORGETS)
