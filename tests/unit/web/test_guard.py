"""Only what may be let through is: by Host, Origin, token, role, form token, version and size, each with its code."""

from __future__ import annotations

import logging
import re
from typing import Any

import httpx2
import pytest

from paigeant.app import Paigeant
from paigeant.errors import ConfigError
from paigeant.model.limits import VALUE_BYTES
from paigeant.web.access import Access, Identity, Role, read_tokens
from tests.unit.web.conftest import bearer

HTML = {"accept": "text/html"}


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("127.0.0.1:8200", 200),
        ("localhost", 200),
        ("[::1]:8200", 200),
        ("evil.example", 421),
        ("127.0.0.1.evil.example", 421),
        ("", 421),
    ],
)
async def test_a_local_server_answers_to_its_own_names_only(local: httpx2.AsyncClient, host: str, status: int):
    answer = await local.get("/api/v1/runs", headers={"host": host})

    assert answer.status_code == status
    if status != 200:
        assert answer.json()["code"] == "WrongHost"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 201),
        ({"origin": "http://127.0.0.1:8200"}, 201),
        ({"sec-fetch-site": "same-origin"}, 201),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:9999"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
    ],
)
async def test_a_write_that_a_page_elsewhere_makes_is_refused(
    local: httpx2.AsyncClient, headers: dict[str, str], status: int
):
    answer = await local.post("/api/v1/runs", json={"workflow": "hello", "input": {"name": "Joe"}}, headers=headers)

    assert answer.status_code == status
    assert answer.headers.get("access-control-allow-origin") is None


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", ""])
async def test_a_write_to_the_api_is_json(local: httpx2.AsyncClient, content_type: str):
    answer = await local.post("/api/v1/runs", content=b'{"workflow": "hello"}', headers={"content-type": content_type})

    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidInput")


async def test_nothing_is_answered_without_a_token_where_others_can_reach_it(remote: httpx2.AsyncClient):
    for path in ("/", "/runs", "/api/v1/runs", "/api/v1/events", "/api/v1/openapi.json", "/nothing"):
        answer = await remote.get(path)
        assert (answer.status_code, answer.json()["code"]) == (401, "Unauthenticated"), path
    assert (await remote.get("/api/v1/runs", headers={"authorization": "Bearer wrong"})).status_code == 401
    page = await remote.get("/", headers=HTML)
    assert (page.status_code, page.headers["location"]) == (303, "/login")
    assert (await remote.get("/health")).text == "ok\n"


async def test_each_role_may_do_its_part(remote: httpx2.AsyncClient):
    order = {"workflow": "hello", "input": {"name": "Joe"}}

    assert (await remote.get("/api/v1/runs", headers=bearer("vera"))).status_code == 200
    denied = await remote.post("/api/v1/runs", json=order, headers=bearer("vera"))
    assert (denied.status_code, denied.json()["code"]) == (403, "Forbidden")
    assert (await remote.post("/api/v1/runs", json=order, headers=bearer("otto"))).status_code == 201
    dropping = {"ids": [1]}
    assert (await remote.post("/api/v1/dead-letters/drop", json=dropping, headers=bearer("otto"))).status_code == 403
    assert (await remote.post("/api/v1/dead-letters/drop", json=dropping, headers=bearer("anna"))).status_code == 404


async def test_each_write_is_logged_with_who_did_it_and_what_was_answered(
    remote: httpx2.AsyncClient, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.INFO, logger="paigeant.web")

    await remote.post("/api/v1/runs", json={"workflow": "hello", "input": {"name": "Joe"}}, headers=bearer("otto"))
    await remote.post("/api/v1/runs", json={"workflow": "hello"}, headers=bearer("vera"))
    await remote.get("/api/v1/runs", headers=bearer("vera"))

    deeds = [vars(record) for record in caplog.records if record.name == "paigeant.web"]
    assert [(each["event"], each["who"], each["path"], each["status"]) for each in deeds] == [
        ("deed", "otto", "/api/v1/runs", 201),
        ("deed", "vera", "/api/v1/runs", 403),
    ]


async def test_a_browser_signs_in_with_a_token_and_out_again(remote: httpx2.AsyncClient):
    form = re.findall(r'name="form_token" value="(\w+)"', (await remote.get("/login")).text)[0]
    wrong = await remote.post("/login", data={"token": "nonsense", "form_token": form})
    right = await remote.post("/login", data={"token": "otto-token-0123456789", "form_token": form})

    assert (wrong.status_code, right.status_code) == (401, 303)
    said = right.headers["set-cookie"]
    assert said.startswith("__Host-paigeant=")
    assert {"HttpOnly", "Secure", "Path=/", "SameSite=lax"} <= set(said.split("; "))
    cookie = {"cookie": said.partition(";")[0]}
    page = await remote.get("/", headers=cookie)
    assert "otto" in page.text
    out = re.findall(r'name="form_token" value="(\w+)"', page.text)[0]
    assert (await remote.post("/logout", data={"form_token": form}, headers=cookie)).status_code == 403
    assert (await remote.post("/logout", data={"form_token": out}, headers=cookie)).status_code == 303
    assert (await remote.get("/", headers=cookie)).status_code == 401


async def test_a_form_without_its_token_does_nothing(local: httpx2.AsyncClient, paigeant: Paigeant):
    run = await paigeant.dispatch("waiting", {})

    answer = await local.post(f"/runs/{run.workflow_id}/do/terminate", data={"form_token": "0" * 64})

    assert (answer.status_code, answer.json()["code"]) == (403, "BadForm")
    assert not (await run.status()).final


@pytest.mark.parametrize("body", ["[" * 100 + "]" * 100, "{", '"' + "x" * 10])
async def test_a_body_that_nests_too_deep_or_is_no_json_is_refused(local: httpx2.AsyncClient, body: str):
    answer = await local.post("/api/v1/runs", content=body.encode(), headers={"content-type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidInput")


async def test_a_body_that_is_too_large_is_refused_before_it_is_read(local: httpx2.AsyncClient):
    headers = {"content-type": "application/json", "content-length": str(VALUE_BYTES + 1)}

    answer = await local.post("/api/v1/runs", content=b"{}", headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (413, "TooLarge")


@pytest.mark.parametrize(
    "path", ["/", "/runs", "/api/v1/runs", "/static/style.css", "/nothing", "/api/v1/runs/nothing"]
)
async def test_every_answer_says_what_a_browser_may_do_with_it(local: httpx2.AsyncClient, path: str):
    headers: Any = (await local.get(path, headers=HTML)).headers

    assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    # Not no-referrer: with that, browsers send the forms of these pages with "Origin: null", which is refused below.
    assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "same-origin")
    assert headers["cache-control"] == "no-store"


async def test_tokens_are_read_and_wrong_ones_are_not_shown():
    one = read_tokens("0123456789abcdef")
    several = read_tokens("viewer!:vera:0123456789abcdef, operator:otto:fedcba9876543210")

    assert list(one.values()) == [Identity("admin", Role.ADMIN)]
    assert list(several.values()) == [Identity("vera", Role.VIEWER, payloads=True), Identity("otto", Role.OPERATOR)]
    assert await Access(several).by_token("fedcba9876543210") == Identity("otto", Role.OPERATOR)
    assert "0123456789abcdef" not in repr(one)
    for text in ("short", "boss:me:0123456789abcdef", "admin::0123456789abcdef"):
        with pytest.raises(ConfigError, match="PAIGEANT_API_TOKEN: entry 1") as raised:
            read_tokens(text)
        assert "0123456789abcdef" not in str(raised.value)
