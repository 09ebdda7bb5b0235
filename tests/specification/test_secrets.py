"""A secret is read by the steps that may read it alone; in clear it lies nowhere, and nobody else is shown it."""

from __future__ import annotations

import base64
import logging
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
import pytest
from pydantic import BaseModel, JsonValue
from redis.asyncio import Redis

from paigeant import ActivityContext, ActivityRegistry, Parked, RunStatus, Secret, Signal, Wait, Workflow
from paigeant.config import Settings
from paigeant.testing.waiting import eventually

CARD = "4111-1111-1111-1111"
TOKEN = "tok_9f8e7d6c5b"
PIN, CODE, OTHER = "pin-of-a-customer", "first-code-sent", "other-code-sent"
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
        await ctx.save_variable("pin", 98765432198765)
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
    payload = {"item": "tea", "card": CARD, "pin": 13579024680135, "letter": LETTER}

    run = await app.dispatch("flow", payload)
    bytes_of = [*await everything(settings, tmp_path)]
    assert settings.store == "memory://" or any(holds(each, "tea") for each in bytes_of)
    async with app.worker():
        result = await run.result(30)

    stars = {"item": "tea", "card": "***", "pin": "***", "letter": "***"}
    assert seen["tokenise"] == stars
    assert seen["charge"] == (CARD, TOKEN, 13579024680135, CARD, LETTER)
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
        clear
        for clear in (CARD, TOKEN, "13579024680135", "98765432198765", LETTER[:28])
        for each in bytes_of
        if holds(each, clear)
    ]
    assert "charging *** with ***" in caplog.text


async def test_a_secret_that_a_person_sends_is_sealed_before_it_is_stored(
    serve: Any, settings: Settings, registry: ActivityRegistry, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    caplog.set_level(logging.DEBUG)
    got: list[Any] = []

    @registry.execute("charge")
    async def charge(card: str, pin: str, ctx: ActivityContext, code: str | None = None) -> str | Parked:
        token = await ctx.checkpoint("token", lambda: TOKEN)
        if code is None:
            return Parked("a code was sent to the customer", signal="code")
        got.append((card, pin, code, token))
        return "paid"

    readers: dict[str, str] = dict.fromkeys(("card", "pin", "code", "token"), "charge")
    app = await serve(Workflow("flow", [Wait("card"), Wait("go"), "charge"], secrets=readers))
    run = await app.dispatch("flow", {})

    await run.signal("card", CARD)
    await run.set_variable("pin", PIN)
    await run.signal("go")
    await eventually(lambda: waits(run, "code"))
    unknown = UUID(int=7)
    assert await app.signal_many([Signal(run.workflow_id, "code", CODE), Signal(unknown, "code", CODE)]) == [
        "met",
        "unknown_run",
    ]
    result = await run.result(30)
    fork = await run.fork("charge")
    await fork.signal("code", OTHER)

    assert (result.status, got[0]) == (RunStatus.COMPLETED, (CARD, PIN, CODE, TOKEN))
    assert (await fork.result(30)).output == "paid"
    assert got[1] == (CARD, PIN, OTHER, TOKEN)
    assert result.variables == {"card": "***", "pin": "***", "code": "***", "go": None, "charge": "paid"}
    said = [result, *await run.deeds(), *await run.calls(), *(vars(record) for record in caplog.records)]
    said += [await app.store.load_evidence(each.workflow_id) for each in (run, fork)]
    found = [*await everything(settings, tmp_path), *(repr(each).encode() for each in said)]
    assert not [clear for clear in (CARD, PIN, CODE, OTHER, TOKEN) for each in found if holds(each, clear)]


async def waits(run: Any, signal: str) -> bool:
    return any(step.signal == signal for step in (await run.view()).steps)


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
