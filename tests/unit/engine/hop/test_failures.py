"""An attempt is counted when the code was tried and failed, or died; and what an error asks for is heard in reason."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from paigeant import ActivityContext, Parked, RetryPolicy, RunStatus, Terminal
from paigeant.activities.faults import LONGEST_RETRY_AFTER
from paigeant.engine.hop.failures import failure_of
from paigeant.model.entries.step import OnInterrupt
from paigeant.model.hops import Leased
from paigeant.model.outcomes import Retrying
from paigeant.model.stored.claims import Due
from paigeant.routing.fail import fail
from paigeant.routing.rules import Rules
from paigeant.testing.builders import CODEC, new_message

ONCE = RetryPolicy(max_attempts=1)


async def test_parking_again_and_again_uses_up_no_attempts(both: Any):
    seen: list[int] = []

    @both.registry.execute(retry=ONCE)
    async def poll(ctx: ActivityContext) -> str | Parked:
        seen.append(ctx.attempt)
        return "ready" if len(seen) == 5 else Parked("not yet", timedelta(seconds=0.01))

    await both.serve()
    run = await both.start("poll")

    assert (await both.until(run)).output == "ready"
    assert seen == [1, 1, 1, 1, 1]


async def test_a_step_whose_worker_died_in_its_last_attempt_says_so(both: Any):
    @both.registry.execute(retry=ONCE)
    async def step() -> None: ...

    run = await both.start("step")
    await both.steady.claim("dead", Due(["step"]), 1, timedelta())
    await both.serve()

    view = await both.until(run)
    assert view.status is RunStatus.FAILED
    assert view.error is not None
    assert "died, or lost its lease, in attempt 1; max_attempts is 1" in view.error.message


def leased(attempt: int = 1) -> Leased:
    from types import SimpleNamespace  # noqa: PLC0415

    message = new_message("draft")
    grant: Any = SimpleNamespace(attempt=attempt, body=CODEC.seal(message).body)
    return Leased(grant, message)


@pytest.mark.parametrize(
    ("asked", "delay"),
    [
        (7, 7.0),
        (timedelta(seconds=9), 9.0),
        (float("inf"), 1.0),
        (float("nan"), 1.0),
        (-5, 1.0),
        ("120", 120.0),
        ("tomorrow", 1.0),
        (1e300, LONGEST_RETRY_AFTER),
    ],
)
def test_what_an_error_asks_for_is_heard_if_it_is_a_time(asked: Any, delay: float):
    error = ConnectionError("busy")
    error.retry_after = asked  # type: ignore[attr-defined]

    outcome = fail(leased(), Rules(RetryPolicy(), None, OnInterrupt.RERUN), failure_of(error), 0.0)

    assert isinstance(outcome, Retrying)
    assert outcome.delay == delay


async def test_an_error_whose_attributes_raise_is_that_error_all_the_same(both: Any):
    class HttpError(Exception):
        @property
        def retry_after(self) -> float:
            raise KeyError("Retry-After")

    @both.registry.execute(retry=ONCE)
    async def fetch() -> None:
        raise HttpError("503 from the shop")

    await both.serve()
    view = await both.until(await both.start("fetch"))

    assert view.error is not None
    assert view.error.message == "503 from the shop"


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise ValueError("no words")


@pytest.mark.parametrize(
    ("raised", "said"),
    [
        (Unspeakable(), "its __str__ raised ValueError"),
        (Terminal("half a pair: \ud83d"), "half a pair: \\ud83d"),
        (Terminal("nul: \0"), "nul: \\x00"),
        (SystemExit(3), "step 'fails' raised SystemExit: 3"),
        (asyncio.CancelledError(), "raised CancelledError"),
        (StopIteration(), "StopIteration"),
    ],
)
@pytest.mark.parametrize("sync", [False, True])
async def test_whatever_a_step_raises_is_its_own_failure_and_ends_no_worker(
    both: Any,
    raised: BaseException,
    said: str,
    sync: bool,  # noqa: FBT001
):
    def fail() -> None:
        raise raised

    async def fail_later() -> None:
        raise raised

    @both.registry.execute(retry=ONCE)
    async def fine() -> str:
        return "fine"

    both.registry.execute("fails", retry=ONCE)(fail if sync else fail_later)
    worker = await both.serve()
    runs = await both.start("fails"), await both.start("fine")

    view = await both.until(runs[0])
    assert view.error is not None
    assert said in view.error.message
    assert (await both.until(runs[1])).output == "fine"
    assert worker in both.workers


@pytest.mark.parametrize(
    ("returned", "said"),
    [
        (Parked("half a pair: \ud83d"), None),
        (Parked(7), "Parked takes a reason as text, not int"),  # type: ignore[arg-type]
        (Parked("x", "soon"), "resume_after: 'soon' is no span of time; write 30d"),
        (Parked("x", timedelta.max), "is too long; at most 3660 days are allowed"),
        (Parked("x", "3d"), None),
        (Parked("x", timedelta(-1)), "resume_after: -86400 s is less than nothing"),
    ],
)
async def test_a_step_that_parks_in_no_way_there_is_fails_and_says_why(both: Any, returned: Parked, said: str | None):
    @both.registry.execute
    async def parks() -> Any:
        return returned

    await both.serve()
    run = await both.start("parks")

    view = await both.until(run, RunStatus.WAITING, RunStatus.FAILED)
    assert (view.status is RunStatus.WAITING) == (said is None)
    assert said is None or said in (view.error.message if view.error else "")
