"""Code that cannot await has the same application: its methods, its results and its errors."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paigeant import ActivityRegistry, Paigeant, SyncPaigeant, SyncRun, Workflow
from paigeant.config import Settings
from paigeant.errors import ConfigError, InvalidInput, ResultTimeout, UnknownVariable, WrongState

registry = ActivityRegistry()


@registry.execute
async def greet(name: str) -> str:
    return f"Hello {name}"


HELLO: Workflow[Any, str] = Workflow("hello", ["greet"], output=str)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(store=f"sqlite:///{tmp_path}/paigeant.db")


@pytest.fixture
def app(settings: Settings) -> Iterator[SyncPaigeant]:
    with SyncPaigeant(registry, workflows=[HELLO], settings=settings) as app:
        yield app


def work(settings: Settings) -> None:
    """Execute what there is, as a worker elsewhere does."""

    async def until_done() -> None:
        async with Paigeant(registry, workflows=[HELLO], settings=settings) as app, app.worker():
            for summary in (await app.runs()).runs:
                await app.run(summary.workflow_id).result(timeout=20)

    asyncio.run(until_done())


def test_a_script_forks_a_run_and_draws_it(app: SyncPaigeant, settings: Settings):
    run = app.dispatch(HELLO, {"name": "Ada"})
    work(settings)

    fork, again = run.fork(from_="greet"), app.fork(str(run.workflow_id), from_=1)
    work(settings)

    assert [each.result(timeout=20).output for each in (fork, again)] == ["Hello Ada"] * 2
    assert len({each.workflow_id for each in (run, fork, again)}) == 3
    assert "greet" in fork.mermaid()
    with pytest.raises(InvalidInput, match="there is no step 'gret'"):
        run.fork(from_="gret")


def test_a_script_dispatches_waits_and_reads(app: SyncPaigeant, settings: Settings):
    run = app.dispatch(HELLO, {"name": "Ada"}, dispatch_key="1")
    several = app.dispatch_many("hello", [{"name": "Bo"}, {"name": "Cy"}])
    assert run.status() == "pending"

    work(settings)

    assert run.result(timeout=20).output == "Hello Ada"
    assert [each.result(timeout=20).output for each in several] == ["Hello Bo", "Hello Cy"]
    assert [step.step for step in run.steps()] == ["greet"]
    assert run.view().input == {"name": "Ada"}
    assert {each.workflow_id for each in app.runs(status="completed").runs} == {
        each.workflow_id for each in (run, *several)
    }
    assert app.run(run.workflow_id, HELLO).result().output == "Hello Ada"
    assert app.call(lambda inner: inner.administration.count_prunable(0)).runs == 3


def test_variables_are_read_and_set(app: SyncPaigeant):
    run: SyncRun[Any] = app.dispatch("hello", {"name": "Ada"})

    run.set_variable("note", {"by": "hand"})

    assert (run.variables(), run.variable("note")) == ({"note": {"by": "hand"}}, {"by": "hand"})
    with pytest.raises(UnknownVariable, match="there are: note"):
        run.variable("not")


def test_a_run_is_steered(app: SyncPaigeant):
    run, other = app.dispatch("hello", {"name": "Ada"}), app.dispatch("hello", {"name": "Bo"})

    assert run.cancel() == "cancelled"
    assert other.terminate() == "terminated"
    with pytest.raises(WrongState):
        run.retry()


def test_errors_are_those_of_the_application(app: SyncPaigeant):
    with pytest.raises(InvalidInput, match="argument 'name' is missing"):
        app.dispatch("hello", {})
    with pytest.raises(ResultTimeout, match="goes on"):
        app.dispatch("hello", {"name": "Ada"}).result(timeout=0.05)


def test_threads_may_share_it(app: SyncPaigeant):
    made: list[SyncRun[str]] = []
    threads = [threading.Thread(target=lambda: made.append(app.dispatch(HELLO, {"name": "Ada"}))) for _ in range(8)]

    for each in threads:
        each.start()
    for each in threads:
        each.join()

    assert len({run.workflow_id for run in made}) == 8


async def test_it_does_not_stop_an_event_loop(settings: Settings):
    app = SyncPaigeant(registry, workflows=[HELLO], settings=settings)

    with pytest.raises(ConfigError, match="use Paigeant there, and await"):
        app.open()


def test_it_says_that_it_is_not_open(settings: Settings):
    app = SyncPaigeant(registry, workflows=[HELLO], settings=settings)
    with pytest.raises(ConfigError, match="is not open"):
        app.runs()

    app.open()
    app.close()
    app.close()
    assert not [each for each in threading.enumerate() if each.name == "paigeant-sync"]
    with pytest.raises(ConfigError, match="is not open"):
        app.runs()


def test_a_fork_is_told_to_open_its_own(app: SyncPaigeant, monkeypatch: pytest.MonkeyPatch):
    here = os.getpid()
    with monkeypatch.context() as forked:
        forked.setattr(os, "getpid", lambda: here + 1)

        with pytest.raises(ConfigError, match="in each process, after it was forked"):
            app.runs()
