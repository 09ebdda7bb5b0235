"""Announcing: a message goes to the broker once it is recorded. It may get lost there; its twin does not."""

from __future__ import annotations

import asyncio
from typing import Final

from paigeant.engine.parts import Parts
from paigeant.model.hops import Twin

PATIENCE: Final = 10.0
"""Seconds that a broker may take for a message."""


async def announce(parts: Parts, twin: Twin) -> None:
    """Publish a twin's message, if there is a broker. A failure is only reported: the sweeper announces it again."""
    if parts.transport is None:
        return
    try:
        async with asyncio.timeout(PATIENCE):
            await parts.transport.publish(twin.topic, twin.sealed)
    except Exception as error:  # noqa: BLE001  (what is recorded must not look as if it were not)
        parts.trouble(f"announcing {twin.key.message_id}", error)
