"""What a Redis is asked about itself: whether it will do, and what makes it forget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from paigeant.errors import ConfigError
from paigeant.model.findings import Finding
from paigeant.transports.redis.server import Line, Server

OLDEST: Final = (7, 0)
"""The oldest server whose XAUTOCLAIM clears what was deleted."""

NEARLY_FULL: Final = 0.9
"""Share of the memory that may be used."""


async def facts(line: Line) -> dict[str, str]:
    """Return what INFO says; nothing if the user may not ask."""
    try:
        answer: bytes = await line.ask("INFO")
    except ConfigError:  # what is wrong otherwise shows again
        await line.ask("PING")
        return {}
    return dict(fact.split(":", 1) for fact in answer.decode(errors="replace").splitlines() if ":" in fact)


async def require_usable(server: Server, line: Line) -> None:
    """Raise ConfigError for a server that is too old, or a node of a cluster."""
    told = await facts(line)
    version = told.get("redis_version", "")
    if told and tuple(int(part) for part in version.split(".")[:2] if part.isdigit()) < OLDEST:
        text = f"{server.name} is version {version or 'unknown'}; 7.0 or newer is needed"
        raise ConfigError(text)
    if told.get("redis_mode") == "cluster":
        text = f"{server.name} is a node of a cluster, which is not supported; name a single server"
        raise ConfigError(text)


async def examine(server: Server, line: Line) -> list[Finding]:
    """Return what was found. What a server forgets is announced again from the store, so little of it is grave."""
    told = await facts(line)
    if not told:
        said = f"{server.name} does not let this user see its settings"
        return [Finding.warning("rights", said, "grant +info, or see yourself to `maxmemory-policy noeviction`")]
    return [
        Finding.ok("version", f"{server.name} is Redis {told.get('redis_version')}"),
        _eviction(server, told),
        _memory(server, told),
        await _persistence(server, line, told),
    ]


def _eviction(server: Server, told: Mapping[str, str]) -> Finding:
    policy = told.get("maxmemory_policy", "noeviction")
    if policy == "noeviction":
        return Finding.ok("eviction", "maxmemory-policy is noeviction")
    said = f"{server.name} has maxmemory-policy {policy}, which may throw whole queues away"
    return Finding.warning("eviction", said, "set maxmemory-policy to noeviction", forgets=True)


def _memory(server: Server, told: Mapping[str, str]) -> Finding:
    used, most = int(told.get("used_memory", 0)), int(told.get("maxmemory", 0))
    if not most or used < NEARLY_FULL * most:
        return Finding.ok("memory", f"{used:,} bytes are used of {f'{most:,}' if most else 'what the machine has'}")
    said = f"{server.name} uses {used:,} of {most:,} bytes; when it is full, messages wait in the store"
    return Finding.warning("memory", said, "raise maxmemory, or see what fills it")


async def _persistence(server: Server, line: Line, told: Mapping[str, str]) -> Finding:
    if told.get("aof_enabled") == "1":
        return Finding.ok("persistence", "appendonly is on")
    why = "a restart brings a storm of announcements from the store"
    try:
        [_, save] = await line.ask("CONFIG", "GET", "save")
    except ConfigError:
        said = f"{server.name} has no append-only file, and whether it saves snapshots may not be seen: without, {why}"
        return Finding.warning("persistence", said, "set appendonly to yes, or grant +config|get")
    if save:
        return Finding.ok("persistence", f"snapshots are saved ({save.decode()})")
    said = f"{server.name} keeps nothing on disk: {why}"
    return Finding.warning("persistence", said, "set appendonly to yes")
