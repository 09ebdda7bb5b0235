"""An application in memory with a worker, and a client that talks to its API and pages."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from paigeant import ActivityContext, ActivityRegistry, Parked, RetryPolicy, SubWorkflow, Wait, Workflow
from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.web import Access, asgi
from paigeant.web.access import read_tokens

HOSTILE = "<script>alert(1)</script>\x1b[2J\u202e\x00" + "x" * 5_000
FILTERS = {"failed & late": "status=failed&workflow=failing"}
TOKENS = ",".join(
    f"{role}:{name}:{name}-token-0123456789"
    for role, name in [("viewer", "vera"), ("operator", "otto"), ("admin", "anna")]
)


def bearer(name: str) -> dict[str, str]:
    """Return the header of somebody of ``TOKENS``."""
    return {"authorization": f"Bearer {name}-token-0123456789"}


def handlers() -> tuple[ActivityRegistry, list[Workflow[Any, Any]]]:
    registry, passes = ActivityRegistry(), set[str]()

    @registry.execute()
    async def greet(name: str) -> str:
        return f"Hello {name}"

    @registry.execute()
    async def hostile() -> str:
        return HOSTILE

    @registry.execute(retry=RetryPolicy(max_attempts=1))
    async def fails(name: str) -> str:
        if name not in passes:
            passes.add(name)
            raise ValueError(f"<b>no</b> {name}")
        return "at last"

    @registry.execute()
    async def parks(name: str) -> Parked:
        return Parked(f"look at {name}")

    @registry.execute()
    async def tells(name: str, ctx: ActivityContext) -> None:
        ctx.heartbeat({"at": name})
        await asyncio.sleep(60)

    flows = [
        Workflow("parking", ["parks"]),
        Workflow("telling", ["tells"]),
        Workflow("hello", ["greet"]),
        Workflow("hostile", ["hostile"]),
        Workflow("failing", ["fails"]),
        Workflow("waiting", [Wait("paid")]),
        Workflow("around", [SubWorkflow("waiting")]),
    ]
    return registry, flows


@pytest.fixture
def registry() -> ActivityRegistry:
    """Return a registry with nothing in it."""
    return ActivityRegistry()


@pytest.fixture
async def paigeant() -> AsyncIterator[Paigeant]:
    registry, flows = handlers()
    traces = "https://traces.example/{trace_id}?x=1&y=2"
    settings = Settings(store="memory://", lease=3, trace_url=traces, filters=FILTERS)
    async with Paigeant(registry, workflows=flows, settings=settings) as app, app.worker():
        yield app


def client_of(app: Paigeant, access: Access | None = None, **options: Any) -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=asgi(app, access), raise_app_exceptions=False)
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8200", **options)


@pytest.fixture
async def local(paigeant: Paigeant) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client on the machine of a server that needs no token."""
    async with client_of(paigeant) as client:
        yield client


@pytest.fixture
async def remote(paigeant: Paigeant) -> AsyncIterator[httpx2.AsyncClient]:
    """Return a client of a server that others can reach, without a token."""
    async with client_of(paigeant, Access(read_tokens(TOKENS), local=False)) as client:
        yield client
