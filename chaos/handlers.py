"""The steps of the load, as a user would write them."""

from __future__ import annotations

import asyncio
import os
from typing import Any

from chaos.clerk import add_clerk
from chaos.doomed import LEASE
from chaos.effects import Effect, EffectsLog
from chaos.journeys import PATIENT
from chaos.load import COMPENSABLE, KINDS, STEPS, chain_of, fold, seconds_of
from chaos.orders import Orders
from chaos.points import Points, die
from paigeant import ActivityContext, ActivityRegistry, Completed, Terminal


def handlers(orders: Orders, points: Points) -> ActivityRegistry:
    """Return activities that note what they do."""
    registry, effects = ActivityRegistry(), orders.effects
    for name in STEPS:
        _add_step(registry, name, effects, points)
    _add_poison(registry, effects)
    if orders.endpoint:
        _add_clerk(registry, orders, effects)
    return registry


def _add_clerk(registry: ActivityRegistry, orders: Orders, effects: EffectsLog) -> None:
    tools = orders.tools

    def begin(ctx: ActivityContext) -> None:
        _note(effects, ctx)

    def note(ctx: ActivityContext, what: str) -> None:
        tool, _, call = what.partition(" ")
        _note(tools, ctx, tool, f"{ctx.idempotency_key}:{call}")

    add_clerk(registry, f"http://127.0.0.1:{orders.endpoint}/v1", begin, note)


def _add_step(registry: ActivityRegistry, name: str, effects: EffectsLog, points: Points) -> None:
    @registry.execute(name)
    async def execute(
        ctx: ActivityContext, payload: dict[str, Any], previous: Any, trail: list[str]
    ) -> Completed[dict[str, Any]]:
        fence = _note(effects, ctx)
        points.reach("in-the-step")
        await asyncio.sleep(seconds_of(payload["number"], name, payload["slow"]))
        if (payload["kind"], name, ctx.attempt) == ("flaky", "three", 1):
            raise ConnectionError("the first attempt fails")
        if KINDS[payload["kind"]].fails == (LEASE.get().key.path, name):
            raise Terminal("it cannot be done")
        output = {"chain": fold(chain_of(previous), name), "fence": fence}
        given = {"number": payload["number"], "kind": payload["kind"], "trail": [], "slow": payload["slow"]}
        return Completed({**given, **output}, variables={"trail": [*trail, name]})

    if name in COMPENSABLE:

        @registry.compensate(name, retry=PATIENT)
        async def compensate(ctx: ActivityContext, log: dict[str, Any]) -> None:
            _note(effects, ctx)
            if log["chain"] is None:
                raise Terminal("nothing is known of what is to be undone")
            points.reach("in-the-compensation")
            await asyncio.sleep(0.005)


def _add_poison(registry: ActivityRegistry, effects: EffectsLog) -> None:
    @registry.execute("poison")
    async def poison(ctx: ActivityContext) -> None:
        _note(effects, ctx)
        die()


def _note(effects: EffectsLog, ctx: ActivityContext, tool: str | None = None, call: str | None = None) -> int:
    """Write down one execution, of the step or of a tool; returns the fence under which it runs."""
    key, fence = LEASE.get().key, LEASE.get().fence
    effects.note(
        Effect(
            *(ctx.workflow_id.hex, key.path, ctx.position, tool or ctx.step, ctx.step_id.hex, str(ctx.direction)),
            *(call or ctx.idempotency_key, fence, ctx.attempt, os.getpid()),
        )
    )
    return fence
