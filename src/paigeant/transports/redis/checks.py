"""Checks of a Redis server: usability, and settings with which it may lose messages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from paigeant.errors import ConfigError
from paigeant.model.checks.findings import Finding
from paigeant.transports.redis.connection import RedisConnection

OLDEST: Final = (7, 0)
"""Oldest server whose XAUTOCLAIM removes deleted entries."""

NEARLY_FULL: Final = 0.9
"""Fraction of used memory from which it is nearly full."""


async def facts(connection: RedisConnection) -> dict[str, str]:
    """Return the answer of INFO; empty without the permission."""
    try:
        answer: bytes = await connection.ask("INFO")
    except ConfigError:  # any other error shows again in PING
        await connection.ask("PING")
        return {}
    return dict(fact.split(":", 1) for fact in answer.decode(errors="replace").splitlines() if ":" in fact)


async def require_usable(connection: RedisConnection) -> None:
    """Raise ConfigError for a server that is too old, or a node of a cluster."""
    info = await facts(connection)
    version = info.get("redis_version", "")
    if info and tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST:
        text = f"{connection.name} is version {version or 'unknown'}; 7.0 or newer is needed"
        raise ConfigError(text)
    if info.get("redis_mode") == "cluster":
        text = f"{connection.name} is a node of a cluster, which is not supported; name a single server"
        raise ConfigError(text)


async def examine(connection: RedisConnection) -> list[Finding]:
    """Return the findings. Lost messages are announced again from the store, so that few findings are severe."""
    info = await facts(connection)
    if not info:
        said = f"{connection.name} does not let this user see its settings"
        return [Finding.warning("rights", said, "grant +info, or see yourself to `maxmemory-policy noeviction`")]
    return [
        Finding.ok("version", f"{connection.name} is Redis {info.get('redis_version')}"),
        _eviction(connection.name, info),
        _memory(connection.name, info),
        await _persistence(connection, info),
    ]


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
