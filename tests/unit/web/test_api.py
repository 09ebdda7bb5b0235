"""The API does what the application can, and says what was wrong by the name of the error."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from paigeant import ActivityRegistry, Sleep, Workflow
from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.runs import RunStatus
from paigeant.testing.waiting import eventually
from paigeant.web import asgi, events
from paigeant.web.events import EventStream, Watcher

REFERENCE = (Path(__file__).parents[3] / "docs/reference/http-api.md").read_text("utf-8")


async def dispatched(client: httpx2.AsyncClient, workflow: str, payload: Any = None, **headers: str) -> httpx2.Response:
    return await client.post("/api/v1/runs", json={"workflow": workflow, "input": payload or {}}, headers=headers)


async def test_a_key_gives_the_same_run_and_refuses_another_input(local: httpx2.AsyncClient):
    key = {"Idempotency-Key": "order-1", "X-Correlation-ID": "c7"}
    first = await dispatched(local, "hello", {"name": "Joe"}, **key)
    again = await dispatched(local, "hello", {"name": "Joe"}, **key)
    other = await dispatched(local, "hello", {"name": "Ann"}, **key)

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert first.json()["workflow_id"] == again.json()["workflow_id"]
    assert other.json()["code"] == "DispatchConflict"
    assert other.headers["content-type"] == "application/problem+json"
    run = (await local.get(first.headers["location"])).json()
    assert (run["correlation_id"], run["dispatch_key"]) == ("c7", "order-1")


async def test_what_is_wrong_is_named(local: httpx2.AsyncClient):
    lacking = await dispatched(local, "hello", {"nam": "Joe"})
    unknown = await dispatched(local, "hallo")

    assert (lacking.status_code, unknown.status_code) == (422, 404)
    assert "name" in lacking.json()["detail"]
    assert unknown.json()["code"] == "UnknownWorkflow"
    assert (await local.get("/api/v1/runs/01890000-0000-7000-8000-000000000001")).json()["code"] == "UnknownRun"
    wrong = await local.get("/api/v1/runs", params={"staus": "failed"})
    assert (wrong.status_code, "did you mean 'status'" in wrong.json()["detail"]) == (422, True)
    assert (await local.get("/api/v1/runs", params={"limit": "0"})).status_code == 422
    assert (await local.get("/api/v1/runs", params={"after": "x"})).status_code == 422


async def test_runs_are_found_explained_and_sent_on(local: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("failing", {"name": "Joe"})
    await run.result(20)

    found = (await local.get("/api/v1/runs", params={"status": "failed", "error": "ValueError"})).json()["runs"]
    why = (await local.get(f"/api/v1/runs/{run.workflow_id}/why")).json()
    groups = (await local.get("/api/v1/attention")).json()["groups"]
    shown = await local.get(f"/api/v1/runs/{run.workflow_id}")
    etag = {"If-Match": shown.headers["etag"]}
    retried = await local.post(f"/api/v1/runs/{run.workflow_id}/retry", json={}, headers=etag)
    await run.result(20)
    stale = await local.post(f"/api/v1/runs/{run.workflow_id}/retry", json={}, headers=etag)
    over = await local.post(f"/api/v1/runs/{run.workflow_id}/retry", json={})

    assert [each["workflow_id"] for each in found] == [str(run.workflow_id)]
    assert why["because"][0]["verbs"] == ["retry"]
    assert [(group["cause"], group["error"], group["count"]) for group in groups] == [("failed", "ValueError", 1)]
    assert retried.status_code == 200
    assert await run.status() is RunStatus.COMPLETED
    assert (stale.status_code, stale.json()["code"]) == (412, "Changed")
    assert (over.status_code, over.json()["code"]) == (409, "WrongState")


async def test_many_are_sent_on_at_once_after_a_look(local: httpx2.AsyncClient, paigeant: Paigeant):
    runs = [await paigeant.dispatch("failing", {"name": str(number)}) for number in range(12)]
    for run in runs:
        await run.result(20)
    order = {"verb": "retry", "where": {"status": ["failed"], "error": "ValueError"}}

    before = (await local.post("/api/v1/bulk", json={**order, "dry_run": True})).json()
    done = (await local.post("/api/v1/bulk", json={**order, "limit": 10})).json()
    wrong = await local.post("/api/v1/bulk", json={"verb": "retry", "where": {"status": ["completed"]}})

    assert (before["matched"], len(before["examples"])) == (12, 5)
    assert (done["matched"], done["done"], done["refused"]) == (10, 10, [])
    assert (wrong.status_code, wrong.json()["code"]) == (422, "InvalidInput")
    assert (await local.post("/api/v1/bulk", json={"verb": "sing", "where": {}})).status_code == 422


async def test_signals_cancels_and_ends_come_to_their_run(local: httpx2.AsyncClient, paigeant: Paigeant):
    paid, cancelled, ended = [await paigeant.dispatch("waiting", {}) for _ in range(3)]

    sent = await local.post(f"/api/v1/runs/{paid.workflow_id}/signal", json={"name": "paid", "payload": 3})
    await local.post(f"/api/v1/runs/{cancelled.workflow_id}/cancel", json={})
    await local.post(f"/api/v1/runs/{ended.workflow_id}/terminate", json={})

    assert sent.json()["receipt"] in {"met", "kept"}
    results = [(await run.result(20)).status for run in (paid, cancelled, ended)]
    assert results == [RunStatus.COMPLETED, RunStatus.CANCELLED, RunStatus.TERMINATED]


async def test_a_run_is_drawn_audited_and_forked(local: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("failing", {"name": "Fay"})
    await run.result(20)
    address = f"/api/v1/runs/{run.workflow_id}"

    picture = (await local.get(f"{address}/graph")).json()["mermaid"]
    audit = (await local.get(f"{address}/custody")).json()
    forked = await local.post(f"{address}/fork", json={"from": "fails"})
    wrong = await local.post(f"{address}/fork", json={"from": ["fails"]})
    nowhere = await local.post(f"{address}/fork", json={"from": "nothing"})
    stale = await local.post(f"{address}/fork", json={"from": "fails"}, headers={"If-Match": '"0"'})

    assert picture.startswith("flowchart")
    assert "fails" in picture
    assert (audit["verdict"], audit["workflow_id"]) == ("unsigned", str(run.workflow_id))
    assert (forked.status_code, forked.json()["workflow_id"] != str(run.workflow_id)) == (201, True)
    view = (await local.get(forked.headers["location"])).json()
    assert view["forked_from"]["workflow_id"] == str(run.workflow_id)
    assert stale.status_code == 412
    assert [(each.status_code, each.json()["code"]) for each in (wrong, nowhere)] == [(422, "InvalidInput")] * 2


async def test_the_evidence_of_a_run_is_a_file_and_says_who_has_it(local: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("hello", {"name": "Fay"})
    await run.result(20)
    address = f"/api/v1/runs/{run.workflow_id}/custody/export"

    whole = await local.post(address, json={})
    bare = await local.post(address, json={"values": False})
    nothing = await local.post(f"/api/v1/runs/{uuid4()}/custody/export", json={})

    assert (whole.status_code, whole.headers["content-type"]) == (200, "application/json")
    assert whole.headers["content-disposition"] == f'attachment; filename="{run.workflow_id}.json"'
    evidence = [each.json()["evidence"] for each in (whole, bare)]
    assert ["Fay" in str(each) for each in evidence] == [True, False]
    assert [[deed["verb"] for deed in each["deeds"]] for each in evidence] == [["export"], ["export", "export"]]
    assert [(deed.verb, deed.via) for deed in await run.deeds()] == [("export", "dashboard")] * 2
    assert nothing.json()["code"] == "UnknownRun"


async def test_an_autoscaler_is_told_how_many_workers_are_wanted(local: httpx2.AsyncClient):
    queue = (await local.get("/api/v1/queues/greet", params={"slots": 8})).json()

    assert (queue["activity"], queue["due"], queue["wanted"], queue["workers"]) == ("greet", 0, 0, 1)
    assert (await local.get("/api/v1/queues/nothing")).json()["code"] == "UnknownStep"


async def test_an_autoscaler_that_has_gone_down_to_zero_learns_of_the_end_of_a_sleep():
    nap = Workflow("nap", [Sleep(0.01)])
    async with Paigeant(ActivityRegistry(), workflows=[nap], settings=Settings(store="memory://")) as app:
        await app.dispatch(nap, {})
        transport = httpx2.ASGITransport(app=asgi(app))
        async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8200") as local:
            nodes = (await local.get("/api/v1/queues/paigeant.flow")).json()

    assert (nodes["due"], nodes["workers"], nodes["wanted"]) == (1, 0, 1)


async def test_a_worker_is_drained_and_the_deed_is_kept(local: httpx2.AsyncClient, paigeant: Paigeant):
    [worker] = (await local.get("/api/v1/workers")).json()["workers"]
    address = f"/api/v1/workers/{worker['id']}/drain"

    done, unknown = await local.post(address, json={}), await local.post("/api/v1/workers/nobody/drain", json={})

    assert (done.status_code, done.json()) == (200, {"id": worker["id"], "draining": True})
    assert (unknown.status_code, unknown.json()["code"]) == (404, "UnknownWorker")
    [shown] = (await local.get("/api/v1/workers")).json()["workers"]
    assert (worker["draining"], shown["draining"]) == (False, True)
    assert (await local.get("/api/v1/queues/greet")).json()["workers"] == 0
    [deed] = await paigeant.administration.list_deeds()
    assert (deed.verb, deed.via, deed.arguments) == ("drain", "dashboard", {"worker": worker["id"]})


async def test_the_description_is_openapi_and_names_every_path(local: httpx2.AsyncClient):
    said = (await local.get("/api/v1/openapi.json")).json()

    assert said["openapi"].startswith("3.1")
    assert {"/api/v1/runs", "/api/v1/runs/{workflow_id}/why", "/api/v1/bulk"} <= said["paths"].keys()
    assert not any(path.startswith("/docs") or path == "/" for path in said["paths"])


def documented() -> set[tuple[str, str]]:
    """Return the requests that the reference lists: a path after another takes the place of its last segment."""
    found, method, path = set[tuple[str, str]](), "", ""
    for row in re.findall(r"^\| (`(?:GET|POST) /.*?) \|", REFERENCE, re.MULTILINE):
        for said, place in re.findall(r"`(GET |POST )?(/[^`]*)`", row):
            method = said.strip().lower() or method
            path = place if said else path.rpartition("/")[0] + place
            found.add((method, path))
    return found


async def test_the_reference_lists_every_request_and_no_other(local: httpx2.AsyncClient):
    paths = (await local.get("/api/v1/openapi.json")).json()["paths"]
    described = {
        (method, re.sub(r"\{(?:workflow_id|worker|approval_id)}", "{id}", path.removeprefix("/api/v1")))
        for path, methods in paths.items()
        for method in methods
    }

    assert documented() - {("get", "/events")} == described


async def test_a_stream_tells_of_changes_and_ends_with_the_server(paigeant: Paigeant):
    watcher, sent = Watcher(lambda: paigeant.store), list[bytes]()

    async def receive() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    async def said(text: bytes) -> bool:
        return any(text in each for each in sent)

    streaming = asyncio.create_task(EventStream(watcher, None)({"type": "http"}, receive, send))
    await eventually(lambda: said(b": hello"))
    await paigeant.dispatch("waiting", {})
    async with asyncio.timeout(10):
        await eventually(lambda: said(b"event: changed"))
        await watcher.stop()
        await streaming

    assert watcher.streams == 0


@pytest.mark.parametrize(("last", "told"), [("newest", False), ("7", True), ("other-0", True), (None, False)])
async def test_who_comes_back_is_told_at_once_of_what_they_have_missed(paigeant: Paigeant, last: str, *, told: bool):
    watcher, sent = Watcher(lambda: paigeant.store), list[bytes]()
    await paigeant.dispatch("waiting", {})
    watcher.start()
    async with asyncio.timeout(10):
        await watcher.next(watcher.newest)

    async def receive() -> Any:
        await eventually(lambda: quiet(2 if told else 1))
        return {"type": "http.disconnect"}

    async def quiet(messages: int) -> bool:
        return len(sent) > messages

    async def send(message: Any) -> None:
        sent.append(message.get("body", b""))

    seen = watcher.newest if last == "newest" else last
    async with asyncio.timeout(10):
        await EventStream(watcher, seen)({"type": "http"}, receive, send)
    await watcher.stop()

    assert (f"id: {watcher.newest}\nevent: changed".encode() in b"".join(sent)) is told


async def test_a_page_says_what_it_has_seen_and_hears_of_what_comes_after(local: httpx2.AsyncClient):
    page = (await local.get("/runs", headers={"accept": "text/html"})).text

    assert re.search(r'data-events="/api/v1/events\?seen=[0-9a-f]{8}-\d+"', page)


async def test_a_watcher_outlives_whatever_the_store_raises(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(events, "PAUSE", 0.01)
    answers: list[Any] = [OSError("away"), RuntimeError("a bug"), ConfigError("not open"), 1]

    class Reader:
        async def wait_for_change(self, seen: int, timeout: float) -> int:
            del seen, timeout
            answer = answers.pop(0) if answers else 2
            if isinstance(answer, Exception):
                raise answer
            return answer

    watcher = Watcher(Reader)  # type: ignore[arg-type,return-value]
    before = watcher.newest
    watcher.start()

    async with asyncio.timeout(10):
        assert await watcher.next(before) != before
    await watcher.stop()


@pytest.mark.parametrize("last", [None, "0", "nonsense", "99"])
async def test_a_stream_ends_with_its_client(paigeant: Paigeant, last: str | None):
    watcher = Watcher(lambda: paigeant.store)

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(_: Any) -> None: ...

    async with asyncio.timeout(5):
        await EventStream(watcher, last)({"type": "http"}, receive, send)
    await watcher.stop()
    assert watcher.streams == 0
