"""Who takes part: on which backend, and what its guarantees are beside ours."""

from __future__ import annotations

from typing import NamedTuple

from contest import ENGINE, OWN, RAW, USED, Contestant
from places import ALL, POSTGRES, Backend

RECORDS = "records each step"
LOGS = "a log of jobs; no workflow, no results"
RESULTS = "results in Redis; no workflow"

ON_REDIS = Backend("Redis", "redis")
ON_RABBITMQ = Backend("RabbitMQ, results in Redis", "redis", "rabbitmq")
ON_RESTATE = Backend("its own server", "restate")


class Entry(NamedTuple):
    """A contestant on a backend."""

    who: Contestant
    backend: Backend
    keeps: str = RECORDS
    runs: int = 1000
    """In a round: slow ones get fewer, all at least as many as are in flight."""

    @property
    def name(self) -> str:
        """Its line in the table."""
        return f"{self.who.name}, {self.backend.name}"


def _peer(name: str) -> Contestant:
    return Contestant(name, f"peers/on_{name.lower()}.py", name.lower())


OURS = [Entry(who, backend, runs=2000) for backend in ALL for who in (USED, OWN, ENGINE, RAW)]
PEERS = [
    Entry(_peer("DBOS"), POSTGRES),
    Entry(_peer("Absurd"), POSTGRES),
    Entry(_peer("PgQueuer"), POSTGRES, LOGS),
    Entry(_peer("Restate"), ON_RESTATE),
    *(Entry(_peer(name), on, RESULTS) for name in ("Celery", "Taskiq", "Dramatiq") for on in (ON_REDIS, ON_RABBITMQ)),
]
