"""Whoever may not see payloads sees none of them anywhere, only of what type and size they are."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from paigeant.app import Paigeant, Run
from paigeant.model.stored.dead_letters import Flaw, RejectedMessage
from paigeant.model.stored.log_lines import LogLine
from paigeant.testing.waiting import eventually
from paigeant.web import Identity, Role
from paigeant.web.redaction import lines_seen_by
from tests.unit.web.conftest import bearer

SECRET = "Secret Joe"


async def test_a_viewer_sees_shapes_and_no_values(remote: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("hello", {"name": SECRET})
    await run.result(20)

    for path in (
        f"/api/v1/runs/{run.workflow_id}",
        f"/api/v1/runs/{run.workflow_id}/values",
        f"/runs/{run.workflow_id}",
    ):
        assert SECRET not in (await remote.get(path, headers=bearer("vera"))).text, path
        assert SECRET in (await remote.get(path, headers=bearer("otto"))).text, path
    assert (await remote.get(f"/runs/{run.workflow_id}/values/input", headers=bearer("vera"))).status_code == 403


async def stands(run: Run[Any], cause: str) -> None:
    async def so() -> bool:
        return [(each.cause, SECRET in each.said) for each in (await run.why()).because] == [(cause, True)]

    await eventually(so)


@pytest.mark.parametrize(("workflow", "cause"), [("failing", "failed"), ("parking", "parked"), ("telling", "running")])
async def test_what_code_says_of_values_is_hidden_too(
    remote: httpx2.AsyncClient, paigeant: Paigeant, workflow: str, cause: str
):
    run = await paigeant.dispatch(workflow, {"name": SECRET})
    await stands(run, cause)

    for path in (
        "/",
        "/runs",
        "/api/v1/runs",
        "/api/v1/attention",
        f"/runs/{run.workflow_id}",
        f"/api/v1/runs/{run.workflow_id}",
        f"/api/v1/runs/{run.workflow_id}/steps",
        f"/api/v1/runs/{run.workflow_id}/why",
    ):
        assert SECRET not in (await remote.get(path, headers=bearer("vera"))).text, path
    why = f"/api/v1/runs/{run.workflow_id}/why"
    assert SECRET in (await remote.get(why, headers=bearer("otto"))).text
    assert [each["cause"] for each in (await remote.get(why, headers=bearer("vera"))).json()["because"]] == [cause]
    await run.terminate()


async def test_evidence_is_for_operators_who_see_payloads(remote: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("hello", {"name": SECRET})
    path = f"/api/v1/runs/{run.workflow_id}/custody/export"

    refused = await remote.post(path, json={}, headers=bearer("vera"))
    given = await remote.post(path, json={}, headers=bearer("otto"))

    assert (refused.status_code, given.status_code) == (403, 200)
    assert [(deed.verb, deed.by) for deed in await run.deeds()] == [("export", "otto")]


async def test_a_dead_letter_is_shown_without_its_body(remote: httpx2.AsyncClient, paigeant: Paigeant):
    detail = f"no message: {SECRET}"
    letter = RejectedMessage.of("greet", "m1", SECRET.encode(), Flaw.UNREADABLE, detail)
    await paigeant.store.record_dead_letters([letter])

    [hidden] = (await remote.get("/api/v1/dead-letters", headers=bearer("vera"))).json()["dead_letters"]
    [shown] = (await remote.get("/api/v1/dead-letters", headers=bearer("otto"))).json()["dead_letters"]
    page = (await remote.get("/dead-letters", headers=bearer("vera"))).text

    assert (hidden["size"], hidden.keys() & {"body", "detail"}) == (len(SECRET), set())
    assert (shown["body"], shown["detail"]) == ("U2VjcmV0IEpvZQ==", detail)
    assert SECRET not in page


def test_a_log_line_is_shown_without_outputs_and_what_errors_say():
    fields = {
        "event": "step ended",
        "status": "failed",
        "step": "charge",
        "output": SECRET,
        "exception": f"Traceback: {SECRET}",
        "error": f"ValueError: {SECRET}",
        "reason": SECRET,
    }
    line: Any = LogLine(1, None, 20, fields)  # type: ignore[arg-type]

    [hidden] = lines_seen_by([line], Identity("vera", Role.VIEWER, payloads=False))
    [shown] = lines_seen_by([line], Identity("otto", Role.OPERATOR))

    assert SECRET not in str(hidden)
    assert (hidden.fields["error"], hidden.fields["step"]) == ("ValueError", "charge")
    assert shown == line
