"""The API seals what it is given, and shows nobody a secret, whatever their rights."""

from __future__ import annotations

from typing import Any

from paigeant import ActivityRegistry, Wait, Workflow
from paigeant.app import Paigeant
from paigeant.config import Settings
from tests.unit.web.conftest import client_of
from tests.unit.web.test_pages import HTML, form_of


async def test_a_run_that_is_dispatched_over_the_api_has_its_secrets_sealed(registry: ActivityRegistry) -> None:
    got: list[Any] = []

    @registry.execute("charge")
    async def charge(card: str) -> str:
        got.append(card)
        return "tok-99887766"

    pay = Workflow("pay", ["charge"], secrets={"card": "charge", "charge": "charge"})
    settings = Settings(store="memory://", lease=3)
    async with (
        Paigeant(registry, workflows=[pay], settings=settings) as app,
        app.worker(),
        client_of(app) as client,
    ):
        asked = {"workflow": "pay", "input": {"card": "4111-1111", "item": "tea"}}
        answer = await client.post("/api/v1/runs", json=asked)
        run = answer.json()["workflow_id"]
        await app.run(run).result(20)
        shown = [
            await client.get(path) for path in (f"/api/v1/runs/{run}", f"/api/v1/runs/{run}/values", f"/runs/{run}")
        ]
        asked["input"] = {"card": "x" * 70_000}
        large = await client.post("/api/v1/runs", json=asked)

    assert got == ["4111-1111"]
    assert shown[0].json()["input"] == {"card": "***", "item": "tea"}
    assert shown[0].json()["output"] == "***"
    assert not [
        each for each in (answer, *shown) if "4111" in each.text or "99887766" in each.text or "$sealed" in each.text
    ]
    assert (large.status_code, "the secret 'card' is 70,002 bytes" in large.json()["detail"]) == (422, True)


async def test_a_signal_over_the_api_or_the_dashboard_is_sealed_if_its_name_is_a_secret(
    registry: ActivityRegistry,
) -> None:
    @registry.execute("charge")
    async def charge(card: str, pin: str) -> str:
        return f"paid with {len(card)} and {len(pin)}"

    pay = Workflow("pay", [Wait("card"), Wait("pin"), "charge"], secrets={"card": "charge", "pin": "charge"})
    async with (
        Paigeant(registry, workflows=[pay], settings=Settings(store="memory://", lease=3)) as app,
        app.worker(),
        client_of(app) as client,
    ):
        run = await app.dispatch("pay", {})
        path = f"/runs/{run.workflow_id}"
        met = await client.post(f"/api/v1{path}/signal", json={"name": "card", "payload": "4111-1111"})
        page = await client.get(f"{path}/do/signal?name=pin", headers=HTML)
        fields = form_of(page.text) | {"name": "pin", "payload": "99887766"}
        sent = await client.post(f"{path}/do/signal", data=fields, headers=HTML)
        await run.result(20)
        pages = [await client.get(f"/api/v1{path}"), await client.get(f"/api/v1{path}/values"), await client.get(path)]
        deeds = await run.deeds()

    assert (met.status_code, sent.status_code) == (200, 303), (met.text, sent.text)
    assert pages[0].json()["output"] == "paid with 9 and 8"
    assert pages[0].json()["variables"]["card"] == "***"
    assert not [text for text in [*(page.text for page in pages), str(deeds)] if "4111" in text or "99887766" in text]
