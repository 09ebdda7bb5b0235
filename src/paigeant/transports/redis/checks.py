"""Checks of a Redis server: usability, and settings with which it may lose messages."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from paigeant.errors import ConfigError, Unavailable
from paigeant.model.checks.findings import Finding
from paigeant.transports.redis.connection import RedisConnection
from paigeant.transports.redis.failures import OF_A_CLUSTER

OLDEST: Final = (7, 0)
"""Oldest server whose XAUTOCLAIM removes deleted entries."""

NEARLY_FULL: Final = 0.9
"""Fraction of used memory from which it is nearly full."""


async def facts(connection: RedisConnection) -> dict[str, str]:
    """Return the answer of INFO; empty without the permission."""
    try:
        answer: bytes = await connection.ask("INFO")
    except ConfigError:  # any other error shows again in the next command
        return {}
    return dict(fact.split(":", 1) for fact in answer.decode(errors="replace").splitlines() if ":" in fact)


async def require_usable(connection: RedisConnection, key: str) -> None:
    """Raise ConfigError for a server that is too old, a node of a cluster, or one that does not let ``key`` be read."""
    info = await facts(connection)
    version = info.get("redis_version", "")
    if info and tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST:
        text = f"{connection.name} is version {version or 'unknown'}; 7.0 or newer is needed"
        raise ConfigError(text)
    if info.get("redis_mode") == "cluster":
        text = f"{connection.name} {OF_A_CLUSTER}"
        raise ConfigError(text)
    with suppress(Unavailable):  # it is there; what it cannot do yet is waited for
        await connection.ask("XLEN", key)


async def examine(connection: RedisConnection, key: str, most: int) -> list[Finding]:
    """Return the findings. Lost messages are announced again from the store, so that few findings are severe.

    Whether the server accepts writes is tested by trimming the stream ``key`` to its limit of ``most`` entries.
    """
    info = await facts(connection)
    if not info:
        said = f"{connection.name} does not let this user see its settings"
        fix = "grant +info, or see yourself to `maxmemory-policy noeviction`"
        return [await _messages(connection, key, most), Finding.warning("rights", said, fix)]
    return [
        Finding.ok("version", f"{connection.name} is Redis {info.get('redis_version')}"),
        await _messages(connection, key, most),
        _eviction(connection.name, info),
        _memory(connection.name, info),
        await _persistence(connection, info),
    ]


async def _messages(connection: RedisConnection, key: str, most: int) -> Finding:
    try:
        await connection.ask("XTRIM", key, "MAXLEN", "~", most)
    except Unavailable as error:
        fix = "see to the server: messages wait in the store until it takes them"
        return Finding.warning("messages", str(error), fix)
    return Finding.ok("messages", f"{connection.name} takes them")


def _eviction(name: str, info: Mapping[str, str]) -> Finding:
    policy = info.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return Finding.ok("eviction", "maxmemory-policy is noeviction")
    said = f"{name} has maxmemory-policy {policy}, which may throw whole queues away"
    return Finding.warning("eviction", said, "set maxmemory-policy to noeviction", forgets=True)


def _memory(name: str, info: Mapping[str, str]) -> Finding:
    used, most = int(info.get("used_memory", 0)), int(info.get("maxmemory", 0))
    if not most or used < NEARLY_FULL * most:
        return Finding.ok("memory", f"{used:,} bytes are used of {f'{most:,}' if most else 'what the machine has'}")
    said = f"{name} uses {used:,} of {most:,} bytes; when it is full, messages wait in the store"
    return Finding.warning("memory", said, "raise maxmemory, or see what fills it")


async def _persistence(connection: RedisConnection, info: Mapping[str, str]) -> Finding:
    if info.get("aof_enabled") == "1":
        return Finding.ok("persistence", "appendonly is on")
    why = "a restart brings a storm of announcements from the store"
    try:
        [_, save] = await connection.ask("CONFIG", "GET", "save")
    except ConfigError:
        said = f"{connection.name} has no append-only file, and its snapshots may not be seen: without, {why}"
        return Finding.warning("persistence", said, "set appendonly to yes, or grant +config|get")
    if save:
        return Finding.ok("persistence", f"snapshots are saved ({save.decode()})")
    said = f"{connection.name} keeps nothing on disk: {why}"
    return Finding.warning("persistence", said, "set appendonly to yes")
