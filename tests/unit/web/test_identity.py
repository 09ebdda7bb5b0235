"""Runs that are dispatched over the API, and many at once, act for the person whose token came with them."""

from __future__ import annotations

from typing import Any

import pytest

from paigeant import ActivityContext, ActivityRegistry, Workflow
from paigeant.app import Paigeant
from paigeant.config import Settings
from paigeant.errors import InvalidInput
from tests.identity_provider import identity_provider
from tests.unit.web.conftest import client_of


async def test_a_token_that_comes_with_the_body_or_with_many_is_the_runs_identity(registry: ActivityRegistry) -> None:
    @registry.execute("ask")
    async def ask(ctx: ActivityContext) -> int:
        return len((await ctx.identity.token(audience="crm", scopes=["crm.read"])).reveal())

    with identity_provider() as provider:
        settings = Settings(store="memory://", lease=3, **provider.settings)
        async with (
            Paigeant(registry, workflows=[Workflow("flow", ["ask"])], settings=settings) as app,
            app.worker(),
            client_of(app) as client,
        ):

            async def post(token: Any) -> Any:
                return await client.post("/api/v1/runs", json={"workflow": "flow", "input": {}, "obo_token": token})

            made, wrong, none = await post(provider.token("ann")), await post("x.y.z"), await post(3)
            runs = await app.dispatch_many("flow", [{}, {}], obo_token=provider.token("bob"), tenant="shop")
            with pytest.raises(InvalidInput, match="dispatch_many has no option 'obo_tokn'; did you mean 'obo_token'"):
                await app.dispatch_many("flow", [{}], obo_tokn="x")  # pyright: ignore[reportCallIssue]
            results = [await run.result(20) for run in (app.run(made.json()["workflow_id"]), *runs)]

    assert [result.status for result in results] == ["completed"] * 3
    assert (made.status_code, wrong.status_code, none.status_code) == (201, 422, 422)
    assert "the obo_token is refused" in wrong.json()["detail"]
    assert "x.y.z" not in wrong.text
