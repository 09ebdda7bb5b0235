"""Publisher: hands messages to the broker once they are recorded. A message may get lost there; its twin does not."""

from __future__ import annotations

import asyncio
from time import perf_counter
from typing import Final

from paigeant.abc import Transport
from paigeant.engine.runtime import Runtime
from paigeant.model.events import Published, Sent
from paigeant.model.hops import Leased, Sealed

PATIENCE: Final = 10.0
"""Timeout of a broker for a message, in seconds."""


SOON: Final = 1.0
"""Seconds for which a dispatch waits until a broker has its message. The run is durable without that."""

_UNDER_WAY: Final[set[asyncio.Task[None]]] = set()


async def announce_soon(runtime: Runtime, *messages: Sealed) -> None:
    """Publish messages of twins as :func:`announce` does, for a caller that waits.

    Returns when the broker has them, or after a second: a broker with a resource alarm accepts nothing while it lasts.
    """
    publishing = asyncio.create_task(announce(runtime, *messages), name="paigeant-announce")
    _UNDER_WAY.add(publishing)
    publishing.add_done_callback(_UNDER_WAY.discard)
    ended, _ = await asyncio.wait({publishing}, timeout=SOON)
    for each in ended:
        each.result()


async def announce(runtime: Runtime, *messages: Sealed, after: Leased | None = None) -> None:
    """Publish messages of twins concurrently, if there is a broker; returns when it has them.

    A failure is only reported: the sweeper announces that twin again. ``after`` is the step that they follow, if known.
    """
    if runtime.transport is None:
        return
    began = perf_counter()
    taken = await asyncio.gather(*(_announce(runtime, runtime.transport, sealed) for sealed in messages))
    if after is not None and any(taken) and runtime.hooks.wants(Sent):
        topics = tuple(sealed.topic for sealed, has_it in zip(messages, taken, strict=True) if has_it)
        runtime.report(Sent(runtime.owner, after, topics, perf_counter() - began))


async def _announce(runtime: Runtime, transport: Transport, sealed: Sealed) -> bool:
    try:
        async with asyncio.timeout(PATIENCE):
            await publish(runtime, transport, sealed)
    except Exception as error:  # noqa: BLE001  (what is recorded must not look as if it were not)
        runtime.trouble(f"announcing {sealed.message_id}", error)
        return False
    return True


async def publish(runtime: Runtime, transport: Transport, sealed: Sealed) -> None:
    """Hand one message to the broker; returns when it has it, and raises the transport's errors."""
    began = perf_counter()
    await transport.publish(sealed.topic, sealed)
    if runtime.hooks.wants(Published):
        seconds = perf_counter() - began
        runtime.report(Published(sealed.topic, sealed.message_id, len(sealed.body), seconds))
