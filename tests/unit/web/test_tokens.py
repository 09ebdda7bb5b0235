"""A token that rests in the store lets its owner in until it is revoked, and a session ends with its token."""

from __future__ import annotations

import re
from datetime import timedelta

import httpx2
import pytest

from paigeant.app import Paigeant
from paigeant.errors import InvalidInput, Unavailable, WrongState
from paigeant.model.stored.access_tokens import TokenRole
from paigeant.web import Access, access
from tests.unit.web.conftest import client_of


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask the store each time."""
    monkeypatch.setattr(access, "KNOWN", 0.0)


def bearing(token: str) -> dict[str, str]:
    return {"authorization": f"Bearer {token}"}


async def test_a_token_counts_until_it_is_revoked_with_the_rights_it_was_given(paigeant: Paigeant):
    viewer = await paigeant.administration.create_token("vera", TokenRole.VIEWER, expires="90d")
    operator = await paigeant.administration.create_token("otto", TokenRole.OPERATOR)
    order = {"workflow": "hello", "input": {"name": "Joe"}}

    async with client_of(paigeant, Access(local=False)) as client:
        assert (await client.get("/api/v1/runs", headers=bearing(viewer.token))).status_code == 200
        assert (await client.post("/api/v1/runs", json=order, headers=bearing(viewer.token))).status_code == 403
        assert (await client.post("/api/v1/runs", json=order, headers=bearing(operator.token))).status_code == 201
        assert (await client.get("/api/v1/runs", headers=bearing("pgt_" + "x" * 43))).status_code == 401

        assert await paigeant.administration.revoke_token("vera")
        assert (await client.get("/api/v1/runs", headers=bearing(viewer.token))).status_code == 401


async def test_a_session_ends_with_its_token(paigeant: Paigeant):
    made = await paigeant.administration.create_token("otto", TokenRole.OPERATOR)

    async with client_of(paigeant, Access(local=False)) as client:
        form = re.findall(r'name="form_token" value="(\w+)"', (await client.get("/login")).text)[0]
        signed_in = await client.post("/login", data={"token": made.token, "form_token": form})
        cookie = {"cookie": signed_in.headers["set-cookie"].partition(";")[0]}
        before = await client.get("/runs", headers=cookie)
        await paigeant.administration.revoke_token("otto")
        after = await client.get("/runs", headers=cookie)

    assert (before.status_code, "otto" in before.text, after.status_code) == (200, True, 401)


async def test_who_may_act_sees_payloads_and_a_viewer_only_if_that_is_said(paigeant: Paigeant):
    made = [
        await paigeant.administration.create_token("a", TokenRole.VIEWER),
        await paigeant.administration.create_token("b", TokenRole.VIEWER, payloads=True),
        await paigeant.administration.create_token("c", TokenRole.OPERATOR),
    ]

    assert [each.kept.payloads for each in made] == [False, True, True]
    assert len({each.token for each in made}) == 3


async def test_a_wrong_name_span_or_second_token_is_refused(paigeant: Paigeant):
    await paigeant.administration.create_token("vera", TokenRole.VIEWER)

    with pytest.raises(WrongState, match="vera has a token already"):
        await paigeant.administration.create_token("vera", TokenRole.ADMIN)
    with pytest.raises(InvalidInput, match="is no name"):
        await paigeant.administration.create_token("a b", TokenRole.VIEWER)
    with pytest.raises(InvalidInput, match="longer than 0 seconds"):
        await paigeant.administration.create_token("v", TokenRole.VIEWER, expires=timedelta(0))


async def test_while_the_store_is_away_nobody_is_let_in(paigeant: Paigeant):
    async def away(digest: str) -> None:
        raise Unavailable(f"no answer for {len(digest)}")

    async with client_of(paigeant, Access(local=False, stored=away)) as client:
        answer: httpx2.Response = await client.get("/api/v1/runs", headers=bearing("pgt_" + "x" * 43))

    assert (answer.status_code, answer.json()["code"]) == (503, "Unavailable")
