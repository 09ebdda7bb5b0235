"""A server without tokens is for who is on its machine, and for nobody whom something on that machine lets through."""

from __future__ import annotations

import httpx2
import pytest

from paigeant.app import Paigeant
from paigeant.web import Access, asgi, read_tokens
from tests.unit.web.conftest import TOKENS


def asking(app: Paigeant, address: str, access: Access | None = None, root: str = "") -> httpx2.AsyncClient:
    transport = httpx2.ASGITransport(app=asgi(app, access), client=(address, 1), root_path=root)
    return httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1:8200")


@pytest.mark.parametrize(
    ("address", "status"),
    [
        ("127.0.0.1", 200),
        ("127.0.0.2", 200),
        ("::1", 200),
        ("::ffff:127.0.0.1", 200),
        ("10.0.0.7", 403),
        ("::ffff:10.0.0.7", 403),
        ("testclient", 403),
        ("", 403),
    ],
)
async def test_only_this_machine_is_answered(paigeant: Paigeant, address: str, status: int):
    async with asking(paigeant, address) as client:
        answer = await client.get("/api/v1/runs")

    assert answer.status_code == status
    if status != 200:
        assert answer.json()["code"] == "NotLocal"
        assert "set PAIGEANT_API_TOKEN" in answer.json()["detail"]


@pytest.mark.parametrize("header", ["Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP"])
async def test_what_a_proxy_on_this_machine_sends_on_is_refused(paigeant: Paigeant, header: str):
    async with asking(paigeant, "127.0.0.1") as client:
        answer = await client.get("/api/v1/runs", headers={header: "127.0.0.1"})

    assert (answer.status_code, answer.json()["code"]) == (403, "NotLocal")
    assert "--behind-proxy" in answer.json()["detail"]


async def test_with_tokens_a_proxy_may_be_between(paigeant: Paigeant):
    access = Access(read_tokens(TOKENS), local=False)
    bearer = {"authorization": "Bearer vera-token-0123456789", "x-forwarded-for": "10.0.0.7"}
    async with asking(paigeant, "10.0.0.1", access) as client:
        assert (await client.get("/api/v1/runs", headers=bearer)).status_code == 200


async def test_a_browser_is_sent_to_sign_in_below_the_path_at_which_it_is_mounted(paigeant: Paigeant):
    access = Access(read_tokens(TOKENS), local=False)
    async with asking(paigeant, "10.0.0.1", access, root="/ops") as client:
        answer = await client.get("/ops/runs", headers={"accept": "text/html"})

    assert (answer.status_code, answer.headers["location"]) == (303, "/ops/login?back=%2Fruns")


async def test_errors_name_no_file_of_the_server(local: httpx2.AsyncClient):
    order = {"workflow": "hello", "input": {"name": "Joe"}, "deadline": "sometime"}

    answer = await local.post("/api/v1/runs", json=order)

    assert (answer.status_code, answer.json()["code"]) == (422, "InvalidInput")
    assert "sometime" in answer.json()["detail"]
    assert ".py" not in answer.text
