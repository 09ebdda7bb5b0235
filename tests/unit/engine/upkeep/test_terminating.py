"""Of several that terminate a run at once, one has ended it, and it alone tells the hooks."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import ClassVar

from paigeant import ActivityRegistry, Paigeant, RunStatus, Wait, Workflow
from paigeant.abc import Hooks
from paigeant.config import Settings
from paigeant.model.events import Event, RunEnded


class Ends(Hooks):
    wanted_events: ClassVar = {RunEnded}

    def __init__(self) -> None:
        self.seen: list[Event] = []

    def on_event(self, event: Event) -> None:
        self.seen.append(event)


async def test_a_run_that_is_terminated_several_times_at_once_is_told_of_once(tmp_path: Path):
    ends, waits = Ends(), Workflow("waits", [Wait("never")])
    settings = Settings(store=f"sqlite:///{tmp_path / 'paigeant.db'}")
    async with Paigeant(ActivityRegistry(), workflows=[waits], settings=settings, hooks=ends) as app:
        run = await app.dispatch("waits", {})

        statuses = await asyncio.gather(*(run.terminate() for _ in range(4)))

    assert set(statuses) == {RunStatus.TERMINATED}
    assert len(ends.seen) == 1
