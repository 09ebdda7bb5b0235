"""What is open is open in one process and one event loop: elsewhere its connections are not used, and that is said."""

from __future__ import annotations

import asyncio
import multiprocessing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.config import Settings
from paigeant.errors import ConfigError


def an_app(folder: Path) -> Paigeant:
    registry = ActivityRegistry()

    @registry.execute
    def one() -> int:
        return 1

    settings = Settings(store=f"sqlite:///{folder / 'paigeant.db'}")
    return Paigeant(registry, workflows=[Workflow("one", [one])], settings=settings)


def say(app: Paigeant, answers: Connection) -> None:
    """Dispatch in this process, and send what comes of it: in a loop of its own, not in that which it was forked in."""
    asyncio.events._set_running_loop(None)
    try:
        answers.send(str(asyncio.run(app.dispatch("one", {})).workflow_id))
    except ConfigError as error:
        answers.send(str(error))


async def test_a_fork_of_a_process_in_which_it_is_open_is_told_to_open_its_own(tmp_path: Path):
    fork = multiprocessing.get_context("fork")
    answers, theirs = fork.Pipe(duplex=False)
    async with an_app(tmp_path) as app:
        child = fork.Process(target=say, args=(app, theirs))
        child.start()
        said = await asyncio.to_thread(answers.recv)
        await asyncio.to_thread(child.join, 20)

        assert "was opened in another process" in said
        assert "after it was forked" in said
        await app.dispatch("one", {})
        assert len((await app.runs()).runs) == 1


async def test_it_is_not_used_in_another_event_loop(tmp_path: Path):
    async with an_app(tmp_path) as app:
        with pytest.raises(ConfigError, match="was opened in another event loop: open one in each"):
            await asyncio.to_thread(lambda: asyncio.run(app.dispatch("one", {})))

        assert (await app.runs()).runs == ()


async def test_it_may_be_made_before_and_opened_again(tmp_path: Path):
    app = an_app(tmp_path)

    for _ in range(2):
        async with app:
            await app.dispatch("one", {})

    with pytest.raises(ConfigError, match="is not open"):
        await app.runs()
