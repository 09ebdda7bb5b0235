"""A token for some workflows: of runs of others nothing is there for it, whatever the route, also a new one."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import httpx2
import pytest
from fastapi.routing import APIRoute

from paigeant.app import Paigeant, Run
from paigeant.app.operating.why import explain_run
from paigeant.errors import InvalidInput
from paigeant.model.runs import RunStatus
from paigeant.model.stored.access_tokens import TokenRole
from paigeant.web import Access, asgi
from tests.unit.web.conftest import client_of

OPEN = {"/health", "/login", "/login/openid", "/login/openid/answer", "/logout", "/api/v1/events"}
"""What shows nothing of any run: that something has changed, at most."""

LISTS = {
    "/",
    "/runs",
    "/workflows",
    "/approvals",
    "/api/v1/runs",
    "/api/v1/runs/count",
    "/api/v1/workflows",
    "/api/v1/attention",
    "/api/v1/approvals",
}
"""What is answered, and shows what is of its workflows."""

FILTERED = {("POST", "/api/v1/runs"), ("POST", "/api/v1/bulk"), ("GET", "/bulk/{verb}"), ("POST", "/bulk/{verb}")}
"""What says itself which runs are meant: each has a test below."""

VALUES = {
    "approval_id": "1",
    "letter_id": "1",
    "activity": "greet",
    "worker": "somebody",
    "step": "fails",
    "name": "input",
    "verb": "cancel",
}


class Narrow(NamedTuple):
    """Somebody who may do all to runs of ``hello``, and a run of another workflow, which failed."""

    client: httpx2.AsyncClient
    access: Access
    other: Run[Any]

    async def ask(self, method: str, path: str) -> httpx2.Response:
        address = path.format(**VALUES, workflow_id=self.other.workflow_id)
        if method == "GET":
            return await self.client.get(address, headers={"accept": "text/html"})
        if path.startswith("/api/"):
            return await self.client.post(address, json=BODIES.get(path.rpartition("/")[2], {}))
        return await self.client.post(address, data={"form_token": self.access.form_token("")})


BODIES = {"signal": {"name": "paid"}, "answer": {"value": 1}, "drop": {"ids": [1]}, "replay": {"ids": [1]}}


@pytest.fixture
async def narrow(paigeant: Paigeant) -> AsyncIterator[Narrow]:
    made = await paigeant.administration.create_token("nora", TokenRole.ADMIN, workflows=["hello", "hello"])
    other = await paigeant.dispatch("failing", {"name": "Secret Joe"})
    await other.result(20)
    access = Access(local=False)
    async with client_of(paigeant, access, headers={"authorization": f"Bearer {made.token}"}) as client:
        yield Narrow(client, access, other)


def routes(paigeant: Paigeant) -> list[tuple[str, str]]:
    """Return the method and the path of all routes."""
    app: Any = asgi(paigeant)._app
    included = [each.original_router.routes for each in app.routes if hasattr(each, "original_router")]
    found = [each for part in (app.routes, *included) for each in part if isinstance(each, APIRoute)]
    return [(method, each.path) for each in found for method in sorted(each.methods or ())]


async def test_whatever_it_asks_nothing_of_other_workflows_is_there(narrow: Narrow, paigeant: Paigeant):
    asked = [(method, path) for method, path in routes(paigeant) if path not in OPEN and (method, path) not in FILTERED]
    assert len(asked) > 50

    answers = {(method, path): await narrow.ask(method, path) for method, path in asked}

    shown = {key for key, answer in answers.items() if answer.status_code == 200}
    assert shown == {("GET", path) for path in LISTS}
    for (method, path), answer in answers.items():
        assert "Secret Joe" not in answer.text
        assert "failing" not in answer.text
        if path not in LISTS:
            assert str(narrow.other.workflow_id) not in answer.text or answer.status_code == 404
            refused = 404 if "{workflow_id}" in path or "{approval_id}" in path else 403
            assert answer.status_code == refused, (method, path, answer.text)
    assert await narrow.other.status() is RunStatus.FAILED
    assert [card.draining for card in await paigeant.list_workers()] == [False]


async def test_a_new_route_that_says_nothing_of_workflows_is_refused(narrow: Narrow, paigeant: Paigeant):
    guard = asgi(paigeant, narrow.access)
    app: Any = guard._app

    @app.get("/new")
    async def new() -> dict[str, str]:
        return {"secret": "all runs"}

    transport = httpx2.ASGITransport(app=guard)
    async with httpx2.AsyncClient(
        transport=transport, base_url="http://127.0.0.1:8200", headers=narrow.client.headers
    ) as client:
        assert (await client.get("/new")).status_code == 403


async def test_it_dispatches_lists_and_steers_its_own_runs(narrow: Narrow):
    client = narrow.client
    made = await client.post("/api/v1/runs", json={"workflow": "hello", "input": {"name": "Joe"}})
    other = await client.post("/api/v1/runs", json={"workflow": "failing", "input": {"name": "Joe"}})
    address = made.headers["location"]

    assert (made.status_code, other.status_code, other.json()["code"]) == (201, 403, "Forbidden")
    assert "nora may see, and do, what is of these workflows alone: hello" in other.json()["detail"]
    listed = (await client.get("/api/v1/runs")).json()["runs"]
    assert [run["workflow_id"] for run in listed] == [made.json()["workflow_id"]]
    assert (await client.get("/api/v1/runs/count")).json() == {"count": 1}
    assert [each["name"] for each in (await client.get("/api/v1/workflows")).json()["workflows"]] == ["hello"]
    assert (await client.get(address)).json()["workflow"] == "hello"
    assert (await client.get(address[:-6])).status_code == 404  # what begins alike may be another's
    assert (await client.get("/api/v1/runs", params={"workflow": "failing"})).status_code == 403
    assert (await client.post(f"{address}/terminate", json={})).status_code == 200
    page = (await client.get("/", headers={"accept": "text/html"})).text
    assert 'href="/runs"' in page
    assert 'href="/workers"' not in page


async def test_a_bulk_verb_meets_its_own_runs_alone(narrow: Narrow):
    order = {"verb": "retry", "where": {"status": ["failed"]}}
    form = {"form_token": narrow.access.form_token(""), "query": "status=failed"}

    assert (await narrow.client.post("/api/v1/bulk", json={**order, "dry_run": True})).json()["matched"] == 0
    assert (await narrow.client.post("/api/v1/bulk", json=order)).json()["matched"] == 0
    assert "done to 0 runs" in (await narrow.client.get("/bulk/retry?status=failed")).text
    assert "0 of 0 done" in (await narrow.client.post("/bulk/retry", data=form)).text
    other = {"verb": "retry", "where": {"workflow": ["failing"]}}
    assert (await narrow.client.post("/api/v1/bulk", json=other)).status_code == 403
    assert await narrow.other.status() is RunStatus.FAILED


async def test_the_name_of_a_workflow_is_one(paigeant: Paigeant):
    with pytest.raises(InvalidInput, match="'a b' is no name"):
        await paigeant.administration.create_token("nora", TokenRole.VIEWER, workflows=["a b"])


async def test_of_a_run_of_its_workflow_it_sees_no_runs_of_others_within_or_around_it(paigeant: Paigeant):
    run = await paigeant.dispatch("around", {})
    async for view in run.follow(10):
        if view.children:
            break
    [child] = (await run.view()).children

    seen: list[Any] = []
    texts: list[str] = []
    for name, workflow, each in [("ada", "around", run), ("bob", "waiting", paigeant.run(child.workflow_id))]:
        made = await paigeant.administration.create_token(name, TokenRole.ADMIN, workflows=[workflow])
        headers = {"authorization": f"Bearer {made.token}"}
        async with client_of(paigeant, Access(local=False), headers=headers) as client:
            view = (await client.get(f"/api/v1/runs/{each.workflow_id}")).json()
            text = (await client.get(f"/runs/{each.workflow_id}", headers={"accept": "text/html"})).text
            seen.append((view["children"], view["parent"], "Other runs" in text, str(each.workflow_id) in text))
            parts = [f"/api/v1/runs/{each.workflow_id}{part}" for part in ("", "/why", "/graph", "/events")]
            texts.append(text + "".join([(await client.get(part)).text for part in parts]))

    assert seen == [([], None, False, True)] * 2
    assert str(child.workflow_id) not in texts[0]
    label = re.compile(
        rf'correlation_id(=|":"){run.workflow_id}(">{run.workflow_id})?'
    )  # all that one request led to has it
    assert str(run.workflow_id) not in label.sub("", texts[1])
    assert "&#39;waiting&#39; waits for the end of the run that it has begun" in texts[0]
    whole = await explain_run(paigeant.store, await run.view())
    assert f"has begun, {child.workflow_id}: see `paigeant why {child.workflow_id}`" in whole.because[0].said
