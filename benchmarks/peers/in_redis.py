"""How many results a system keeps in Redis."""

from __future__ import annotations

from redis import Redis


def results(url: str, pattern: str) -> int:
    """Return the number of keys that look like this."""
    with Redis.from_url(url) as redis:
        return sum(1 for _ in redis.scan_iter(pattern, count=10_000))
