"""Announcing: a message goes to the broker once it is recorded. It may get lost there; its twin does not."""

from __future__ import annotations

import asyncio
from typing import Final

from paigeant.abc import Transport
from paigeant.engine.runtime import Runtime
from paigeant.model.hops import Twin

PATIENCE: Final = 10.0
"""Seconds that a broker may take for a message."""


async def announce(runtime: Runtime, *twins: Twin) -> None:
    """Publish messages of twins, all at once, if there is a broker; returns when it has them.

    A failure is only reported: the sweeper announces that twin again.
    """
    if runtime.transport is not None:
        await asyncio.gather(*(_publish(runtime, runtime.transport, twin) for twin in twins))


async def _publish(runtime: Runtime, transport: Transport, twin: Twin) -> None:
    try:
        async with asyncio.timeout(PATIENCE):
            await transport.publish(twin.topic, twin.sealed)
    except Exception as error:  # noqa: BLE001  (what is recorded must not look as if it were not)
        runtime.trouble(f"announcing {twin.key.message_id}", error)
