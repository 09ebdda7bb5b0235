"""A verb for many runs says first what it will do to which runs, does it to these alone, and lists who refused."""

from __future__ import annotations

import re

import httpx2

from paigeant.app import Paigeant, Run
from paigeant.model.runs import RunStatus
from paigeant.testing.waiting import eventually
from tests.unit.web.test_pages import HTML, form_of


async def failed(paigeant: Paigeant, name: str) -> Run[object]:
    run = await paigeant.dispatch("failing", {"name": name})
    await run.result(20)
    return run


async def waiting(paigeant: Paigeant) -> Run[object]:
    run = await paigeant.dispatch("waiting", {})

    async def waits() -> bool:
        return await run.status() is RunStatus.WAITING

    await eventually(waits)
    return run


async def test_ticked_runs_alone_are_retried_and_those_it_is_not_for_are_named_as_left_out(
    local: httpx2.AsyncClient, paigeant: Paigeant
):
    one, other, over = [await failed(paigeant, name) for name in ("Ann", "Bob", "Cid")]
    await over.retry()
    await over.result(20)
    listed = (await local.get("/runs", headers=HTML)).text

    ticked = {"workflow_id": ["", str(one.workflow_id), str(over.workflow_id)]}
    asking = (await local.get("/bulk/retry", params=ticked, headers=HTML)).text
    done = (await local.post("/bulk/retry", data=form_of(asking), headers=HTML)).text

    assert re.findall(r'type="checkbox" form="selected" name="workflow_id" value="([^"]+)"', listed) == [
        str(run.workflow_id) for run in (over, other, one)
    ]
    assert "This is done to 1 run." in asking
    assert "1 of the selected runs is left out: retry is for runs that are" in asking
    assert "ValueError" in asking
    assert str(other.workflow_id) not in asking
    assert "1 of 1 done" in done
    assert (await one.result(20)).status is RunStatus.COMPLETED
    assert await other.status() is RunStatus.FAILED


async def test_no_tick_is_no_run_and_a_page_is_ticked_by_a_link(local: httpx2.AsyncClient, paigeant: Paigeant):
    await failed(paigeant, "Dan")

    none = await local.get("/bulk/terminate?workflow_id=", headers=HTML)
    page = (await local.get("/runs?status=failed&select=page", headers=HTML)).text

    assert (none.status_code, "no run is selected" in none.text) == (422, True)
    assert page.count(" checked>") == 1
    assert '<a href="/runs?status=failed">Select none</a>' in page


async def test_a_signal_goes_to_all_that_match_and_counts_once_if_the_form_is_sent_twice(
    local: httpx2.AsyncClient, paigeant: Paigeant
):
    runs = [await waiting(paigeant) for _ in range(2)]

    asking = (await local.get("/bulk/signal?workflow=waiting&status=waiting&signal=paid", headers=HTML)).text
    fields = form_of(asking) | {"name": "paid", "payload": "yes"}
    done = (await local.post("/bulk/signal", data=fields, headers=HTML)).text
    results = [await run.result(20) for run in runs]
    again = (await local.post("/bulk/signal", data=fields, headers=HTML)).text

    assert 'value="paid"' in asking
    assert "2 of 2 done" in done
    assert [result.variables["paid"] for result in results] == ["yes", "yes"]
    assert "0 of 0 done" in again


async def test_who_refused_is_listed_with_the_reason(local: httpx2.AsyncClient, paigeant: Paigeant):
    run = await waiting(paigeant)
    asking = (await local.get("/bulk/signal?workflow=waiting&status=waiting", headers=HTML)).text

    done = (await local.post("/bulk/signal", data=form_of(asking) | {"name": "a\nb"}, headers=HTML)).text

    assert "0 of 1 done" in done
    assert f'<a href="/runs/{run.workflow_id}">{run.workflow_id}</a>: ' in done
    unnamed = await local.post("/api/v1/bulk", json={"verb": "signal", "where": {"status": ["waiting"]}})
    assert (unnamed.status_code, "name is missing" in unnamed.json()["detail"]) == (422, True)
