"""Forged messages: they name a hop that is to be done, and say something else than the store recorded."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Final
from urllib.parse import urlsplit

from chaos.backends import Backend
from chaos.orders import NAMESPACE
from paigeant.abc import Codec, Transport
from paigeant.errors import Unavailable
from paigeant.model.hops import Sealed
from paigeant.model.values.values import inline
from paigeant.plugins import load_plugin

_PATIENCE: Final = 60.0
"""Seconds until a forger gives up."""


async def forge(backend: Backend) -> int:
    """Publish a forged message for each of some hops that are to be done; returns how many."""
    if backend.broker is None:
        return 0
    codec: Codec = load_plugin("paigeant.codecs", "plain")()
    forged = [_forged(codec, body) for body in await backend.reader.announced()]
    url = backend.broker.url
    transport: Transport = load_plugin("paigeant.transports", urlsplit(url).scheme)(url, namespace=NAMESPACE)
    async with transport:
        for sealed in forged:
            await _push(transport, sealed)
    return len(forged)


async def _push(transport: Transport, sealed: Sealed) -> None:
    """Publish it, though the broker may just be repairing its queues."""
    async with asyncio.timeout(_PATIENCE):
        while True:
            try:
                return await transport.publish(sealed.topic, sealed)
            except Unavailable:
                await asyncio.sleep(0.5)


def _forged(codec: Codec, body: bytes) -> Sealed:
    message = codec.open(body).message
    value = inline({"number": 0, "kind": "plain", "chain": "forged", "trail": [], "slow": 0.0})
    return codec.seal(replace(message, payload=replace(message.payload, input=value, previous=value)))
