"""The pages work without scripts, say what a verb will do before it does it, and show any output harmlessly."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from paigeant.app import Paigeant, Run
from paigeant.model.runs import RunStatus
from paigeant.model.stored.overview import AttentionGroup
from paigeant.testing.waiting import eventually
from paigeant.web.pages import link_of

HTML = {"accept": "text/html"}


def form_of(text: str) -> dict[str, str]:
    """Return the hidden fields of the form of a page's main part."""
    found = re.findall(r'type="hidden" name="(\w+)" value="([^"]*)"', text.partition("<main")[2])
    return {name: unescape(value) for name, value in found}


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/runs",
        "/queues",
        "/workers",
        "/workflows",
        "/dead-letters",
        "/approvals",
        "/cost",
        "/deeds",
        "/runs?stuck=true",
        "/login",
    ],
)
async def test_each_page_is_there_and_small(local: httpx2.AsyncClient, path: str):
    page = await local.get(path, headers=HTML)

    assert page.status_code == 200
    assert len(page.content) < 200_000
    assert "<h1>" in page.text
    assert " style=" not in page.text
    assert not re.search(r"\son\w+=", page.text)


async def test_what_failed_is_on_the_first_page_with_the_verb_that_helps(local: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("failing", {"name": "Joe"})
    await run.result(20)

    first = (await local.get("/", headers=HTML)).text
    link = re.findall(r'href="(/bulk/retry\?[^"]+)"', first)[0].replace("&amp;", "&")
    asking = (await local.get(link, headers=HTML)).text
    done = await local.post("/bulk/retry", data=form_of(asking), headers=HTML)

    assert f"/runs/{run.workflow_id}" in first
    assert "ended_within=" in link  # what is counted is what failed in the last day, and only that is retried
    assert "This is done to 1 run." in asking
    assert "1 of 1 done" in done.text
    assert (await run.result(20)).status is RunStatus.COMPLETED


async def test_a_worker_is_drained_after_a_question_that_says_what_nobody_else_serves(
    local: httpx2.AsyncClient, paigeant: Paigeant
):
    [link] = re.findall(r'href="(/workers/[^"]+/drain)"', (await local.get("/workers", headers=HTML)).text)
    asking = await local.get(link, headers=HTML)
    unknown = await local.get("/workers/nobody/drain", headers=HTML)

    done = await local.post(link, data=form_of(asking.text), headers=HTML)

    assert "Nobody else serves fails, greet" in asking.text
    assert unknown.status_code == 404
    assert (done.status_code, done.headers["location"]) == (303, "/workers")
    assert [card.draining for card in await paigeant.list_workers()] == [True]
    after = (await local.get("/workers", headers=HTML)).text
    assert "<td>draining</td>" in after
    assert "/drain" not in after


async def test_a_run_is_forked_from_a_place_with_another_output_after_a_question(
    local: httpx2.AsyncClient, paigeant: Paigeant
):
    run = await paigeant.dispatch("failing", {"name": "Zoe"})
    await run.result(20)
    link = f"/runs/{run.workflow_id}/do/fork"
    assert link in (await local.get(f"/runs/{run.workflow_id}", headers=HTML)).text
    asking = (await local.get(link, headers=HTML)).text
    form = form_of(asking) | {"from": "1", "outputs": ""}

    no_json = await local.post(link, data={**form, "outputs": "{"}, headers=HTML)
    no_object = await local.post(link, data={**form, "outputs": "[1]"}, headers=HTML)
    nowhere = await local.post(link, data={**form, "from": "7"}, headers=HTML)
    of_nobody = await local.post(link, data={**form, "outputs": '{"charge": 5}'}, headers=HTML)
    done = await local.post(link, data=form, headers=HTML)

    assert "takes over what this one had before" in asking
    assert '<option value="1">1: fails (failed)</option>' in asking
    assert [each.status_code for each in (no_json, no_object, nowhere, of_nobody)] == [422] * 4
    assert done.status_code == 303
    fork = paigeant.run(done.headers["location"].rpartition("/")[2])
    assert fork.workflow_id != run.workflow_id
    assert (await fork.result(20)).status is RunStatus.COMPLETED
    assert (await local.post(link, data={**form, "version": "0"}, headers=HTML)).status_code == 412


async def test_a_run_leads_to_the_one_it_began_in_those_within_it_and_its_forks(
    local: httpx2.AsyncClient, paigeant: Paigeant
):
    run = await paigeant.dispatch("around", {})
    async for view in run.follow(10):
        if view.children:
            break
    [child] = (await run.view()).children
    fork = await run.fork(from_=1)

    around, inner, forked = [
        (await local.get(f"/runs/{each}", headers=HTML)).text
        for each in (run.workflow_id, child.workflow_id, fork.workflow_id)
    ]

    assert f'href="/runs/{child.workflow_id}">waiting</a>' in around
    assert f'<dt>Forks</dt><dd><a href="/runs?forks_of={run.workflow_id}">1</a>' in around
    forks = (await local.get(f"/runs?forks_of={run.workflow_id}", headers=HTML)).text
    assert f'href="/runs/{fork.workflow_id}"' in forks
    assert f'href="/runs/{child.workflow_id}"' not in forks
    assert f'href="/runs/{run.workflow_id}"' in inner
    assert f'href="/runs/{run.workflow_id}"' in forked
    alone = await paigeant.dispatch("hello", {"name": "Joe"})
    assert "Other runs" not in (await local.get(f"/runs/{alone.workflow_id}", headers=HTML)).text


async def test_saved_filters_are_offered_by_name(local: httpx2.AsyncClient):
    page = (await local.get("/runs", headers=HTML)).text
    link = re.findall(r'<a href="([^"]+)">failed &amp; late</a>', page)[0]

    chosen = (await local.get(unescape(link), headers=HTML)).text

    assert link == "/runs?status=failed&amp;workflow=failing"
    assert 'aria-current="true">failed &amp; late</a>' in chosen


@pytest.mark.parametrize("cause", ["unserved", "late", "dead letters"])
def test_what_is_no_group_of_runs_leads_to_no_runs(cause: str):
    assert link_of(AttentionGroup(cause=cause, step="charge", count=3)) == ""
    assert link_of(AttentionGroup(cause="unserved", count=3, example=uuid4())) == "status=waiting&reason=unserved"


async def test_what_a_person_did_is_on_the_page_of_the_run_and_among_all_deeds(
    local: httpx2.AsyncClient, paigeant: Paigeant
):
    run = await paigeant.dispatch("waiting", {})
    await because(run, "signal")
    await run.cancel()
    async for _ in paigeant.administration.prune(older_than=0, statuses=[RunStatus.FAILED]):
        pass

    of_run = (await local.get(f"/runs/{run.workflow_id}", headers=HTML)).text
    of_all = (await local.get("/deeds", headers=HTML)).text
    said = (await local.get("/api/v1/deeds?limit=1")).json()["deeds"]

    assert "<h2>Deeds</h2>" in of_run
    assert "<td>cancel</td>" in of_run
    assert of_all.index("<td>prune</td>") < of_all.index("<td>cancel</td>")  # the newest first
    assert f'href="/runs/{run.workflow_id}"' in of_all
    assert [each["verb"] for each in said] == ["prune"]


async def test_a_run_leads_to_its_trace_and_to_what_was_signed_of_it(local: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("hello", {"name": "Joe"})
    await run.result(20)

    page = (await local.get(f"/runs/{run.workflow_id}", headers=HTML)).text
    custody = (await local.get(f"/runs/{run.workflow_id}/custody", headers=HTML)).text

    trace = (await run.view()).trace_id
    assert f"https://traces.example/{trace}?x=1&amp;y=2" in page
    assert f'href="/runs/{run.workflow_id}/custody"' in page
    assert ">unsigned</span>" in custody


async def test_steps_that_failed_are_shown_alone(local: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("failing", {"name": "Tom"})
    await run.result(20)

    page = (await local.get(f"/runs/{run.workflow_id}", headers=HTML)).text
    alone = (await local.get(f"/runs/{run.workflow_id}?only=failed", headers=HTML)).text

    assert f'href="/runs/{run.workflow_id}?only=failed"' in page
    assert '<rect class="bar failed"' in alone
    assert "all steps</a>" in alone


async def test_a_verb_says_what_it_does_and_is_refused_if_the_run_has_changed(
    local: httpx2.AsyncClient, paigeant: Paigeant
):
    run = await paigeant.dispatch("failing", {"name": "Ann"})
    await run.result(20)
    page = (await local.get(f"/runs/{run.workflow_id}", headers=HTML)).text
    assert "it failed at step" in page
    address = f"/runs/{run.workflow_id}/do/retry"
    asking = (await local.get(address, headers=HTML)).text
    assert "goes on from the step that failed" in asking

    done = await local.post(address, data=form_of(asking), headers=HTML)
    await run.result(20)
    again = await local.post(address, data=form_of(asking), headers=HTML)

    assert (done.status_code, done.headers["location"]) == (303, f"/runs/{run.workflow_id}")
    assert (again.status_code, "has changed meanwhile" in again.text) == (412, True)


async def test_a_signal_is_sent_from_the_page_of_a_run_that_waits_for_it(local: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("waiting", {})
    await because(run, "signal")
    page = (await local.get(f"/runs/{run.workflow_id}", headers=HTML)).text
    link = re.findall(r'href="([^"]+/do/signal\?name=paid)"', page)[0]

    fields = form_of((await local.get(link, headers=HTML)).text) | {"name": "paid", "payload": "3"}
    await local.post(link.partition("?")[0], data=fields, headers=HTML)

    assert (await run.result(20)).status is RunStatus.COMPLETED


async def because(run: Run[Any], cause: str) -> None:
    """Return once this is why the run stands where it stands."""

    async def stands() -> bool:
        return [each.cause for each in (await run.why()).because] == [cause]

    await eventually(stands)


async def test_a_hostile_output_is_text_and_its_whole_is_a_download(local: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("hostile", {})
    await run.result(20)

    page = (await local.get(f"/runs/{run.workflow_id}", headers=HTML)).text
    whole = await local.get(f"/runs/{run.workflow_id}/values/hostile")

    assert "<script>alert" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x1b[2J\\u202e\\x00" in page
    assert not {"\x1b", "\u202e", "\x00"} & set(page)
    assert "x" * 2100 not in page
    assert whole.headers["content-type"].startswith("text/plain")
    assert whole.headers["content-disposition"].startswith("attachment")
    assert "x" * 5000 in whole.text


async def test_what_is_not_there_is_said_on_a_page(local: httpx2.AsyncClient):
    lost = await local.get("/runs/01890000-0000-7000-8000-000000000001", headers=HTML)
    wrong = await local.get("/runs?status=flying", headers=HTML)

    assert (lost.status_code, "no run has the id" in lost.text) == (404, True)
    assert (wrong.status_code, "status is" in wrong.text) == (200, True)
    assert (await local.get("/nothing", headers=HTML)).status_code == 404
