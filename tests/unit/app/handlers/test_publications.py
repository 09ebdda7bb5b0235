"""A worker says what it published; who looks for a workflow learns what there is, and who is up."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant, Workflow
from paigeant.config import Settings
from paigeant.errors import ConfigError, UnknownRun, UnknownWorkflow

SHARED = Settings(store="memory://publications")


def flows() -> list[Workflow]:
    registry = ActivityRegistry()
    for name in ("pick", "pack"):
        registry.execute(name)(lambda: None)
    return [
        Workflow("order", ["pick", "pack"], activities=registry),
        Workflow("return", ["pick", "nobody"], activities=registry),
    ]


@pytest.fixture
async def worker(caplog: pytest.LogCaptureFixture) -> AsyncGenerator[Any]:
    caplog.set_level(logging.INFO, "paigeant")
    async with Paigeant(ActivityRegistry(), workflows=flows(), settings=SHARED) as app, app.worker() as worker:
        yield worker


async def test_a_worker_says_which_workflows_it_published(worker: Any, caplog: pytest.LogCaptureFixture):
    [line] = [record for record in caplog.get_records("setup") if record.message.startswith("worker started")]

    assert line.message == "worker started, serves pick, pack; published the workflows order, return"
    assert vars(line)["published"] == ["order", "return"]


async def test_what_can_be_dispatched_and_who_is_up_is_listed(worker: Any):
    async with Paigeant(ActivityRegistry(), settings=SHARED) as app:
        order, back = await app.list_workflows()
        [card] = await app.list_workers()

    assert (order.name, order.steps, order.unserved, order.workers) == ("order", ("pick", "pack"), (), (worker.id,))
    assert (back.name, back.unserved) == ("return", ("nobody",))
    assert (card.id, card.topics, card.workflows) == (worker.id, ("pick", "pack"), ("order", "return"))


async def test_an_unknown_workflow_is_answered_with_who_is_up_and_what_they_published(worker: Any):
    async with Paigeant(ActivityRegistry(), settings=SHARED) as app:
        with pytest.raises(UnknownWorkflow) as raised:
            await app.dispatch("ordre", {})

    assert "did you mean 'order'?" in str(raised.value)
    assert f"workers that are up: {worker.id} published order, return" in str(raised.value)


async def test_where_nobody_is_up_that_is_said():
    async with Paigeant(ActivityRegistry(), settings=Settings(store="memory://")) as app:
        with pytest.raises(UnknownWorkflow, match="no worker is up; start its worker once"):
            await app.dispatch("order", {})


async def test_who_was_told_to_create_nothing_finds_nothing_and_can_dispatch_nothing(tmp_path: Any):
    settings = Settings(store=f"sqlite:///{tmp_path}/there.db")
    async with Paigeant(workflows=flows()[:1], settings=settings, create=False) as app:
        assert not app.is_there
        assert (await app.runs()).runs == ()
        with pytest.raises(UnknownRun):
            await app.find_newest_run()
        for refused in (app.dispatch("order", {}), app.dispatch_many("order", [{}]), app.worker().__aenter__()):
            with pytest.raises(ConfigError, match="may not create it"):
                await refused

    assert list(tmp_path.iterdir()) == []
