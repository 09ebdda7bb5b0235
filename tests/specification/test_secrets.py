"""A secret is read by the steps that may read it alone; in clear it lies nowhere, and nobody else is shown it."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from pydantic import BaseModel, JsonValue
from redis.asyncio import Redis

from paigeant import ActivityContext, ActivityRegistry, Secret, Workflow
from paigeant.config import Settings

CARD = "4111-1111-1111-1111"
TOKEN = "tok_9f8e7d6c5b"
LETTER = "s3cret-letter " * 1_500
SECRETS = {"card": ["charge"], "letter": "charge", "tokenise": ["charge"], "pin": "charge"}


class Order(BaseModel):
    item: str
    card: str
    pin: int
    letter: str


@pytest.fixture
def seen(registry: ActivityRegistry) -> dict[str, Any]:
    """What the steps got."""
    got: dict[str, Any] = {}

    @registry.execute("tokenise")
    async def tokenise(payload: dict[str, Any]) -> str:
        got["tokenise"] = payload
        return TOKEN

    @registry.execute("charge")
    async def charge(card: Secret[str], tokenise: str, pin: int, payload: Order, ctx: ActivityContext) -> str:
        got["charge"] = (card.reveal(), tokenise, pin, payload.card, payload.letter)
        ctx.logger.warning("charging %s with %s", card.reveal(), tokenise)
        ctx.heartbeat({"card": card.reveal()})
        await ctx.save_variable("pin", 987654)
        return f"charged for {payload.item}"

    @registry.execute("ship")
    async def ship(payload: dict[str, Any], previous: str) -> JsonValue:
        got["ship"] = (payload, previous)
        return payload

    return got


async def test_a_secret_is_opened_for_the_steps_that_may_read_it_and_lies_in_clear_nowhere(
    serve: Any, settings: Settings, seen: dict[str, Any], caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    app = await serve(Workflow("flow", ["tokenise", "charge", "ship"], secrets=SECRETS), worker=False)
    payload = {"item": "tea", "card": CARD, "pin": 135790, "letter": LETTER}

    run = await app.dispatch("flow", payload)
    bytes_of = [*await everything(settings, tmp_path)]
    assert settings.store == "memory://" or any(holds(each, "tea") for each in bytes_of)
    async with app.worker():
        result = await run.result(30)

    stars = {"item": "tea", "card": "***", "pin": "***", "letter": "***"}
    assert seen["tokenise"] == stars
    assert seen["charge"] == (CARD, TOKEN, 135790, CARD, LETTER)
    assert seen["ship"] == (stars, "charged for tea")
    assert result.output == stars
    view = await run.view()
    assert (view.input, view.variables["tokenise"], view.variables["pin"]) == (stars, "***", "***")
    assert view.steps[1].input is not None
    assert view.steps[1].input["card"] == "***"
    bytes_of += await everything(settings, tmp_path)
    said = [view, await app.store.load_evidence(run.workflow_id), *(vars(record) for record in caplog.records)]
    bytes_of += [repr(each).encode() for each in said]
    assert not [
        clear for clear in (CARD, TOKEN, "135790", "987654", LETTER[:28]) for each in bytes_of if holds(each, clear)
    ]
    assert "charging *** with ***" in caplog.text


async def everything(settings: Settings, folder: Path) -> list[bytes]:
    """Return all bytes that a store and a broker have: of a server, those of the test's database and namespace."""
    found = [file.read_bytes() for file in folder.rglob("*") if file.is_file()]
    if settings.store.startswith("postgres"):
        connection = await asyncpg.connect(settings.store)
        tables = (
            "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname !~ '^(pg_|information_)'"
        )
        for [table] in await connection.fetch(tables):
            rows = await connection.fetch(f"SELECT row::text FROM {table} AS row")
            found += [row[0].encode() for row in rows]
        await connection.close()
    if settings.transport is not None and settings.transport.startswith("redis"):
        async with Redis.from_url(settings.transport) as redis:
            async for key in redis.scan_iter(f"pg:{{*{settings.namespace}}}:*", _type="stream"):
                found.append(repr(await redis.xrange(key)).encode())
    return found


def holds(found: bytes, clear: str) -> bool:
    """Tell whether bytes have a text, as it is, as PostgreSQL shows bytes, or in base64, wherever in that it begins."""
    plain = clear.encode()
    inner = [base64.b64encode(b"\0" * shift + plain)[4 * (shift > 0) : -4] for shift in range(3)]
    return any(form in found for form in (plain, plain.hex().encode(), *(each for each in inner if len(each) >= 8)))
