"""A store reports its transactions and its connection to whoever listens, and to nobody else."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.abc import Hooks
from paigeant.config import Settings
from paigeant.model.events import BatchCommitted, Event


class Ears(Hooks):
    wanted_events = (BatchCommitted,)

    def __init__(self) -> None:
        self.heard: list[BatchCommitted] = []

    def on_event(self, event: Event) -> None:
        assert isinstance(event, BatchCommitted)
        self.heard.append(event)


@pytest.fixture(params=["sqlite", "postgres"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/a.db"
    return request.getfixturevalue("new_postgres")()


async def test_transactions_are_reported_with_what_they_held(store: str):
    ears, registry = Ears(), ActivityRegistry()
    registry.execute("one")(lambda: 1)
    app = Paigeant(registry, workflows=[Workflow("w", ["one"])], settings=Settings(store=store), hooks=ears)

    async with app:
        await asyncio.gather(*(app.dispatch("w", {}) for _ in range(20)))
        await asyncio.sleep(0)

    assert sum(event.writes for event in ears.heard) == 20
    assert len(ears.heard) < 20
    assert all(event.seconds > 0 for event in ears.heard)
