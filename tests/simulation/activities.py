"""What the simulated workers serve: between them these do what a step can do, and tell the world what they did."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import ContextVar
from datetime import timedelta
from typing import Any, Final

from paigeant import (
    ActivityContext,
    ActivityRegistry,
    Completed,
    Finished,
    Parked,
    RetryPolicy,
    Revised,
    Step,
    Terminal,
)
from tests.simulation.acting import ACT, OFTEN, mix, number_of
from tests.simulation.clerk import REQUESTS, join_clerk

HEARD: Final[ContextVar[Callable[[ActivityContext], bool]]] = ContextVar("heard")
"""Whether somebody said the word that a waiting step waits for."""

SELDOM: Final = RetryPolicy(max_attempts=3, initial_delay=0.2, max_delay=2.0)
AT_MOST_ONCE: Final = frozenset({"once"})
MISFIT: Final = "does not fit"

activity: Final = ActivityRegistry()
older: Final = ActivityRegistry()
"""What a worker serves that was not deployed again: the same but for one step, whose argument had another type."""


async def work(ctx: ActivityContext) -> None:
    act = ACT.get()
    try:
        await asyncio.sleep(act(ctx, "begins"))
    except asyncio.CancelledError:
        act(ctx, "is cut off")
        raise
    act(ctx, "ends")


@activity.execute(retry=OFTEN)
async def add(previous: Any, ctx: ActivityContext) -> Completed[int]:
    await work(ctx)
    return Completed(mix("add", previous), log={"n": number_of(previous)}, variables={f"at-{ctx.position}": previous})


@activity.compensate("add", retry=OFTEN)
async def take(log: dict[str, int], ctx: ActivityContext) -> None:
    await work(ctx)
    if log["n"] % 3 == 0 and ctx.attempt < 3:
        raise ConnectionError


@activity.execute(retry=OFTEN)
async def shaky(previous: Any, failures: int, ctx: ActivityContext) -> int:
    await work(ctx)
    if ctx.attempt <= failures:
        raise ConnectionError
    return mix("shaky", previous)


@activity.execute(retry=SELDOM)
async def brittle(previous: int, failures: int, ctx: ActivityContext) -> int:
    await work(ctx)
    if ctx.attempt <= failures:
        raise ConnectionError
    return mix("brittle", previous)


@activity.execute(on_interrupt="park", retry=OFTEN)
async def once(previous: int, ctx: ActivityContext) -> int:
    await work(ctx)
    return mix("once", previous)


@activity.execute(on_interrupt="compensate", retry=OFTEN)
async def book(previous: int, ctx: ActivityContext) -> int:
    await work(ctx)
    return mix("book", previous)


@activity.compensate("book", unknown=True, retry=OFTEN)
async def cancel(ctx: ActivityContext) -> None:
    await work(ctx)


@activity.execute(retry=OFTEN)
async def sour(previous: Any, ctx: ActivityContext) -> int:
    await work(ctx)
    return mix("sour", previous)


@activity.compensate("sour", retry=OFTEN)
async def spoil(ctx: ActivityContext) -> None:
    await work(ctx)
    if not HEARD.get()(ctx):
        raise Terminal("it cannot be undone yet")


@activity.execute(retry=OFTEN, concurrency=1)
async def alone(previous: Any, ctx: ActivityContext) -> int:
    await work(ctx)
    return mix("alone", previous)


@activity.execute(retry=OFTEN, timeout=0.5)
async def hurry(previous: int, late: int, ctx: ActivityContext) -> int:
    await work(ctx)
    if ctx.attempt <= late:
        await asyncio.sleep(30)
    return mix("hurry", previous)


@activity.execute(retry=OFTEN, heartbeat_timeout=0.4)
async def murmur(previous: int, silent: int, ctx: ActivityContext) -> int:
    said = ctx.heartbeat_detail
    ACT.get()(ctx, f"found {said}")
    await work(ctx)
    for _ in range(5):
        said = said + 1 if isinstance(said, int) else 1
        ctx.heartbeat(said)
        ACT.get()(ctx, f"said {said}")
        await asyncio.sleep(0.2)
    if ctx.attempt <= silent:
        await asyncio.sleep(30)
    return mix("murmur", previous)


@activity.execute(retry=OFTEN)
async def wait(previous: int, seconds: float | None, ctx: ActivityContext) -> Any:
    await work(ctx)
    if not HEARD.get()(ctx):
        return Parked("waits for the word", None if seconds is None else timedelta(seconds=seconds))
    return mix("wait", previous)


@activity.execute(retry=OFTEN)
async def listen(previous: int, seconds: float | None, ctx: ActivityContext, word: int | None = None) -> Any:
    await work(ctx)
    if word is None and not HEARD.get()(ctx):
        return Parked("listens", None if seconds is None else timedelta(seconds=seconds), "word")
    return mix("listen", previous)


@activity.execute(retry=OFTEN)
async def ask(previous: Any, failures: int, ctx: ActivityContext) -> int:
    """Make calls that are paid for and recorded, as an agent does: one, then two side by side, and one at last."""
    act = ACT.get()

    async def pay(number: int) -> int:
        await asyncio.sleep(act(ctx, f"pays ctx.call-{number}.0"))
        return number

    async def call(number: int) -> int:
        return await ctx.checkpoint(f"call-{number}", pay, number, cost=1, tokens=number)

    await call(0)
    await asyncio.gather(call(1), call(2))
    await work(ctx)
    if ctx.attempt <= failures:
        raise ConnectionError
    await call(3)
    act(ctx, "ends")
    return mix("ask", previous)


CALLS: Final = {"ask": 4, "clerk": REQUESTS}
"""That are paid for by a step."""
ABREAST: Final = {"ask": 2, "clerk": 1}
"""So many of them at a time, at most."""


@activity.execute(retry=OFTEN)
async def widen(previous: int, ctx: ActivityContext) -> Revised[int]:
    await work(ctx)
    return Revised(mix("widen", previous), insert=[Step("add"), Step("alone")], append=[Step("add")])


@activity.execute(retry=OFTEN)
async def narrow(previous: int, ctx: ActivityContext) -> Revised[int]:
    await work(ctx)
    return Revised(mix("narrow", previous), replace_rest=ctx.itinerary[1:])


@activity.execute(retry=OFTEN)
async def finish(previous: int, ctx: ActivityContext) -> Finished[int]:
    await work(ctx)
    return Finished(mix("finish", previous))


@activity.execute(retry=OFTEN)
async def doom(previous: Any, ctx: ActivityContext) -> int:
    await work(ctx)
    raise Terminal(f"no way on from {previous}")


join_clerk(activity)
older.include(activity)


@older.execute("nap", retry=OFTEN)
async def nap_of_yore(previous: Any, seconds: float | str, ctx: ActivityContext) -> int:
    ACT.get()(ctx, MISFIT)
    return number_of(previous) + int(seconds)


@activity.execute(retry=OFTEN)
async def nap(previous: Any, seconds: float, ctx: ActivityContext) -> int:
    await work(ctx)
    await asyncio.sleep(seconds)
    return mix("nap", previous)
