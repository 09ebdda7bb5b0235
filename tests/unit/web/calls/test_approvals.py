"""What steps ask is shown exactly, to whoever may see it, and answered once, under the name of who answers."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from paigeant import ActivityRegistry, Workflow, testing
from paigeant.model.runs import RunStatus
from paigeant.model.stored.access_tokens import TokenRole
from paigeant.web import Access, read_tokens
from tests.unit.agents.test_approvals import Buyer, waiting
from tests.unit.web.conftest import TOKENS, bearer, client_of

HTML = {"accept": "text/html"}


class Shop:
    """A run that waits for an approval and for an answer, and who may see to it."""

    def __init__(self, app: Any, run: Any, client: httpx2.AsyncClient) -> None:
        self.app = app
        self.run = run
        self.client = client

    async def post(self, path: str, body: dict[str, Any], who: str = "otto") -> httpx2.Response:
        return await self.client.post(f"/api/v1/approvals/{path}", json=body, headers=bearer(who))

    async def asked(self, who: str = "otto") -> dict[str, dict[str, Any]]:
        answer = await self.client.get("/api/v1/approvals", headers=bearer(who))
        return {each["kind"]: each for each in answer.json()["approvals"]}


@pytest.fixture
async def shop(registry: ActivityRegistry) -> AsyncIterator[Shop]:
    registry.agent(Buyer().agent, prompt="buy")
    workflow = Workflow("w", ["buyer"])
    access = Access(read_tokens(TOKENS), local=False)
    async with testing.app(registry, workflows=[workflow]) as app, client_of(app, access) as client:
        yield Shop(app, await waiting(app, workflow), client)


async def test_what_is_asked_is_answered_by_the_api_under_the_name_of_who_did(shop: Shop):
    asked = await shop.asked()
    pay, invoice = asked["approval"]["id"], asked["external"]["id"]
    assert asked["approval"]["arguments"] == {"eur": 900}

    approved = await shop.post(f"{pay}/approve", {"edit": {"eur": 5}})
    again = await shop.post(f"{pay}/deny", {})
    wrong = await shop.post(f"{invoice}/approve", {})
    empty = await shop.post(f"{invoice}/answer", {})
    answered = await shop.post(f"{invoice}/answer", {"value": "invoice 1"}, "anna")
    await shop.app.advance()

    assert (approved.json()["status"], approved.json()["answered_by"]) == ("approved", "otto")
    assert (answered.json()["status"], answered.json()["answered_by"]) == ("answered", "anna")
    assert [(each.status_code, each.json()["code"]) for each in (again, wrong, empty)] == [
        (409, "WrongState"),
        (409, "WrongState"),
        (422, "InvalidInput"),
    ]
    view = await shop.run.view()
    assert (view.status, view.output) == (RunStatus.COMPLETED, "paid 5, invoice 1")
    assert await shop.asked() == {}
    assert (await shop.client.get("/api/v1/approvals/999", headers=bearer("otto"))).status_code == 404


async def test_a_viewer_sees_that_something_is_asked_and_answers_nothing(shop: Shop):
    [asked] = [each for kind, each in (await shop.asked("vera")).items() if kind == "approval"]
    page = await shop.client.get(f"/approvals/{asked['id']}", headers=bearer("vera"))

    assert asked["arguments"] == "an object of 1 fields, 11 bytes"
    assert "&#34;eur&#34;" not in page.text
    assert "<button>Approve" not in page.text
    for verb in ("approve", "deny", "answer"):
        answer = await shop.client.post(f"/api/v1/approvals/{asked['id']}/{verb}", json={}, headers=bearer("vera"))
        assert answer.status_code == 403


async def test_the_pages_lead_from_the_run_to_the_form_that_answers(shop: Shop):
    form = re.findall(r'name="form_token" value="(\w+)"', (await shop.client.get("/login")).text)[0]
    login = await shop.client.post("/login", data={"token": "otto-token-0123456789", "form_token": form})
    cookie = {"cookie": login.headers["set-cookie"].partition(";")[0], **HTML}
    run = (await shop.client.get(f"/runs/{shop.run.workflow_id}", headers=cookie)).text
    listed = (await shop.client.get("/approvals", headers=cookie)).text
    asked = await shop.asked()
    pay, invoice = f"/approvals/{asked['approval']['id']}", f"/approvals/{asked['external']['id']}"
    page = (await shop.client.get(pay, headers=cookie)).text
    fields = {"form_token": re.findall(r'name="form_token" value="(\w+)"', page)[0]}

    assert 'href="/approvals">See what is asked' in run
    assert f'href="{pay}"' in listed
    assert "&#34;eur&#34;: 900" in page
    wrong = await shop.client.post(f"{pay}/approve", data=fields | {"edit": "{"}, headers=cookie)
    denied = await shop.client.post(f"{pay}/deny", data=fields | {"reason": "too dear"}, headers=cookie)
    done = await shop.client.post(f"{invoice}/answer", data=fields | {"value": '"invoice 1"'}, headers=cookie)
    everything = (await shop.client.get("/approvals?everything=true", headers=cookie)).text

    assert (wrong.status_code, "is no JSON" in wrong.text) == (422, True)
    assert [(each.status_code, each.headers["location"]) for each in (denied, done)] == [(303, "/approvals")] * 2
    assert {"denied", "answered"} <= set(re.findall(r'class="status (\w+)"', everything))
    assert "by otto" in (await shop.client.get(pay, headers=cookie)).text


async def test_a_run_shows_what_it_asks_and_arguments_to_those_who_may_see_them(shop: Shop):
    path = f"/api/v1/runs/{shop.run.workflow_id}"

    seen = {who: (await shop.client.get(path, headers=bearer(who))).json()["approvals"] for who in ("otto", "vera")}
    page = await shop.client.get(f"/runs/{shop.run.workflow_id}", headers=bearer("otto") | HTML)

    assert {each["tool"]: each["status"] for each in seen["otto"]} == {each["tool"]: "open" for each in seen["vera"]}
    assert {"eur": 900} in [each["arguments"] for each in seen["otto"]]
    assert {"eur": 900} not in [each["arguments"] for each in seen["vera"]]
    assert "Asked of people" in page.text


@pytest.mark.parametrize(("workflow", "sees"), [("w", 2), ("other", 0)])
async def test_whoever_has_some_workflows_is_asked_by_these_alone(shop: Shop, workflow: str, sees: int):
    made = await shop.app.administration.create_token("nora", TokenRole.OPERATOR, workflows=[workflow, "third"])
    asked, headers = await shop.asked(), {"authorization": f"Bearer {made.token}"}

    listed = (await shop.client.get("/api/v1/approvals", headers=headers)).json()["approvals"]
    page = await shop.client.get(f"/approvals/{asked['approval']['id']}", headers=headers)
    denied = await shop.client.post(f"/api/v1/approvals/{asked['approval']['id']}/deny", json={}, headers=headers)

    assert (len(listed), page.status_code, denied.status_code) == ((2, 200, 200) if sees else (0, 404, 404))
    assert len(await shop.asked()) == (1 if sees else 2)
