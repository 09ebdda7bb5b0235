"""A worker does not start on what would not work, nor in production on what may forget; else it says how to fix it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from paigeant.abc import Hooks
from paigeant.activities.registry import ActivityRegistry
from paigeant.app import Paigeant
from paigeant.app.custody import generate_key, public_half
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


def keys(folder: Path) -> dict[str, Any]:
    """Return the settings of signing, without which nothing starts in production."""
    kid = generate_key(folder / "key")
    (folder / "trust").write_text(json.dumps({"keys": [public_half(folder / "key", kid, ["step:*"])]}))
    return {"signing": "on", "signing_key": str(folder / "key"), "trust": str(folder / "trust")}


async def start(monkeypatch: pytest.MonkeyPatch, folder: Path, env: str, *findings: Finding) -> list[Finding]:
    async def examine(_: object) -> Sequence[Finding]:
        return findings

    monkeypatch.setattr(MemoryStore, "examine", examine)
    registry, ears = ActivityRegistry(), Ears()

    @registry.execute()
    def greet() -> str:
        return "hello"

    settings = Settings.model_validate({"store": "memory://", "env": env, **(keys(folder) if env == "prod" else {})})
    async with Paigeant(registry, settings=settings, hooks=ears) as app, app.worker():
        return ears.noticed


async def test_a_problem_is_refused_with_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"^this user may not write: grant it$"):
        await start(monkeypatch, tmp_path, "dev", Finding.ok("version", "16.2"), PROBLEM)


async def test_a_warning_is_told_and_what_is_good_is_not(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert await start(monkeypatch, tmp_path, "prod", Finding.ok("version", "16.2"), WARNING) == [WARNING]


async def test_what_may_forget_is_a_warning_while_developing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    assert await start(monkeypatch, tmp_path, "dev", FORGETS) == [FORGETS]


async def test_what_may_forget_is_refused_in_production(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    with pytest.raises(ConfigError, match=r"^it may throw queues away \(PAIGEANT_ENV=prod\): set maxmemory-policy"):
        await start(monkeypatch, tmp_path, "prod", FORGETS)
