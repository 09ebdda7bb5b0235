"""An error that is not the step's counts as an attempt, is kept on the step, and in the end asks for a person."""

from __future__ import annotations

from typing import Any

import pytest

from paigeant import RetryPolicy, RunStatus
from paigeant.abc import Opened
from paigeant.model.hops import Sealed
from paigeant.model.message import PaigeantMessage
from paigeant.model.runs import RunView
from paigeant.security.plain import PlainCodec

SOON = RetryPolicy(max_attempts=3, initial_delay=0.01)


class KeyServerAway(PlainCodec):
    """A codec that cannot reach what it needs, as long as it is ``away``."""

    def __init__(self, call: str) -> None:
        self.call = call
        self.away = True

    def seal(self, message: PaigeantMessage) -> Sealed:
        self._ask("seal")
        return super().seal(message)

    def open(self, body: bytes) -> Opened:
        self._ask("open")
        return super().open(body)

    def _ask(self, call: str) -> None:
        if self.away and call == self.call:
            raise ConnectionError("the key server is away")


def reported(view: RunView) -> list[tuple[str, int]]:
    return [(error.message, error.attempt) for step in view.steps for error in step.errors]


@pytest.fixture
def done(both: Any) -> list[str]:
    """Register two steps; returns what they did."""
    done: list[str] = []

    @both.registry.execute(retry=SOON)
    async def first() -> None:
        done.append("first")

    @both.registry.execute(retry=SOON)
    async def second() -> None:
        done.append("second")

    return done


async def test_a_codec_that_cannot_seal_parks_the_run_and_a_person_resumes_it(both: Any, done: list[str]):
    run = await both.start("first", "second")
    codec = both.codec = KeyServerAway("seal")
    await both.serve()

    view = await both.until(run, RunStatus.WAITING)
    assert (view.reason, done) == ("internal", ["first"] * 3)
    assert reported(view) == [("the key server is away", attempt) for attempt in (1, 2, 3)]

    codec.away = False
    await both.steady.resume(run)
    assert (await both.until(run)).status is RunStatus.COMPLETED


async def test_a_codec_that_cannot_open_is_no_message_that_is_wrong(both: Any, done: list[str]):
    codec = both.codec = KeyServerAway("open")
    run = await both.start("second")
    await both.serve()

    await both.until_error(run, "the key server is away")
    codec.away = False

    assert (await both.until(run, within=20.0)).status is RunStatus.COMPLETED
    assert done == ["second"]


async def test_a_result_that_the_store_refuses_is_a_failed_attempt(both: Any, done: list[str], monkeypatch: Any):
    write = both.steady.record_step_result

    async def refuse(commits: Any, lease: Any) -> Any:
        if any(commit.transition.end is not None for commit in commits):
            raise OverflowError("a value that no column takes")
        return await write(commits, lease)

    monkeypatch.setattr(both.store, "record_step_result", refuse)
    await both.serve()
    run = await both.start("second")

    view = await both.until(run, RunStatus.WAITING)
    assert (view.reason, done) == ("internal", ["second"] * 3)
    assert reported(view) == [("a value that no column takes", attempt) for attempt in (1, 2, 3)]
