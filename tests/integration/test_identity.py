"""The tokens of a run are nowhere to be read, whatever its steps do with them, and nobody can exchange them."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from paigeant import ActivityContext, ActivityRegistry, Completed, Paigeant, Parked, RetryPolicy, Terminal, Workflow
from paigeant.app.custody import Custody
from paigeant.config import Settings
from paigeant.testing.waiting import eventually
from tests.identity_provider import CLIENT, IdentityProvider, identity_provider
from tests.integration.test_tampering import Database


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as served:
        yield served


class Office:
    """Steps that act for a person, and let slip what they got in every way that there is."""

    def __init__(self, folder: Path, provider: IdentityProvider) -> None:  # noqa: C901  (a step each)
        self.folder, self.tokens = folder, list[str]()
        store = f"sqlite:///{folder}/paigeant.db"
        self.settings = Settings(store=store, signing="on", lease=5, grace=1, **provider.settings)
        self.database = Database(store, lambda _: None)
        self.registry = ActivityRegistry()
        once = RetryPolicy(max_attempts=1)

        async def token(ctx: ActivityContext) -> str:
            self.tokens.append((await ctx.identity.token(audience="crm", scopes=["crm.read"])).reveal())
            return self.tokens[-1]

        @self.registry.execute("quiet", retry=once)
        async def quiet(ctx: ActivityContext) -> str:
            got = await token(ctx)
            ctx.heartbeat({"got": got, got: [got]})
            ctx.logger.info("got %s", got)
            logging.getLogger("elsewhere").warning("with a token: %s", got)
            return "done"

        @self.registry.execute("raise", retry=once)
        async def fail(ctx: ActivityContext) -> str:
            raise ValueError(f"crm did not take {await token(ctx)}") from KeyError(self.tokens[-1])

        @self.registry.execute("return", retry=once)
        async def put_out(ctx: ActivityContext) -> dict[str, Any]:
            return {"a": [f"Bearer {await token(ctx)}"]}

        @self.registry.execute("log", retry=once)
        async def keep(ctx: ActivityContext) -> Completed[str]:
            return Completed("x", log=await token(ctx))

        @self.registry.execute("set", retry=once)
        async def set_with(ctx: ActivityContext) -> Completed[str]:
            return Completed("x", variables={"note": await token(ctx)})

        @self.registry.execute("save", retry=once)
        async def save(ctx: ActivityContext) -> None:
            await ctx.save_variable("note", await token(ctx))

        @self.registry.execute("record", retry=once)
        async def record(ctx: ActivityContext) -> None:
            await ctx.checkpoint("fetch", token, ctx)

        @self.registry.execute("terminal", retry=once)
        async def give_up(ctx: ActivityContext) -> None:
            raise Terminal("no", variables={"note": await token(ctx)})

        @self.registry.execute("park", retry=once)
        async def park(ctx: ActivityContext) -> Parked:
            return Parked(f"until {await token(ctx)} is good")

    @property
    def steps(self) -> list[str]:
        return sorted(self.registry)

    def app(self) -> Paigeant:
        return Paigeant(
            self.registry, workflows=[Workflow(name, [name]) for name in self.steps], settings=self.settings
        )


SAID = {
    "return": "its result has the token for crm in clear",
    "log": "its log has the token for crm in clear",
    "set": "variable 'note' has the token for crm in clear",
    "save": "variable 'note' has the token for crm in clear",
    "record": "checkpoint 'fetch' has the token for crm in clear",
    "terminal": "its variables are not set: step 'terminal': variable 'note' has the token for crm in clear",
    "raise": "crm did not take ***",
}


async def test_no_token_is_found_in_the_store_the_logs_or_what_is_shown(
    tmp_path: Path, provider: IdentityProvider, caplog: pytest.LogCaptureFixture
) -> None:
    office, shown = Office(tmp_path, provider), list[str]()
    person = provider.token("ann")
    with caplog.at_level(logging.DEBUG, "paigeant"):
        async with office.app() as app, app.worker():
            for name in office.steps:
                run = await app.dispatch(name, {}, obo_token=person)
                view = (await eventually(lambda run=run: stands(run), within=20)) or await run.view()
                shown += [view.model_dump_json(), (await run.why()).model_dump_json()]
                if name in SAID:
                    assert view.error is not None
                    assert SAID[name] in view.error.message
            assert "until *** is good" in shown[office.steps.index("park") * 2]

    everything = b"".join(path.read_bytes() for path in tmp_path.rglob("*") if path.is_file())
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("paigeant")]
    everything += "".join([*shown, *ours]).encode()
    assert len(office.tokens) == len(office.steps)
    for secret in (person, *office.tokens, CLIENT[1]):
        for each in (secret, *secret.split(".")[1:]):
            forms = (each.encode(), base64.b64encode(each.encode()), each.encode().hex().encode())
            assert not any(form in everything for form in forms)


async def test_the_person_is_named_in_what_was_signed(tmp_path: Path, provider: IdentityProvider) -> None:
    office = Office(tmp_path, provider)
    async with office.app() as app, app.worker():
        run = await app.dispatch("quiet", {}, obo_token=provider.token("ann"))
        await run.result(20)

        audit = await Custody(app).verify(run.workflow_id)

    assert (audit.verdict, audit.subject) == ("intact", "ann")


async def test_a_grant_of_somebody_else_in_the_place_of_ones_own_is_tampering(
    tmp_path: Path, provider: IdentityProvider
) -> None:
    office = Office(tmp_path, provider)
    async with office.app() as app:
        mine = await app.dispatch("quiet", {}, obo_token=provider.token("ann"))
        theirs = await app.dispatch("quiet", {}, obo_token=provider.token("bob"))
    office.database.edit(
        "UPDATE grants SET sealed = (SELECT sealed FROM grants WHERE workflow_id = '{theirs}') "
        "WHERE workflow_id = '{mine}'",
        mine=mine.workflow_id,
        theirs=theirs.workflow_id,
    )

    async with office.app() as app, app.worker():
        view = await eventually(lambda: stands(app.run(mine.workflow_id)), within=20)
        other = await app.run(theirs.workflow_id).result(20)

    assert (str(view.status), view.reason) == ("waiting", "tampered")
    assert other.status == "completed"
    assert len(office.tokens) == 1


async def test_the_name_of_a_grant_is_all_that_travels(tmp_path: Path, provider: IdentityProvider) -> None:
    office = Office(tmp_path, provider)
    async with office.app() as app:
        run = await app.dispatch("quiet", {}, obo_token=provider.token("ann"))
        [step] = await run.steps()
        from paigeant.model.message import HopKey  # noqa: PLC0415

        body = await app.store.get_message(HopKey(run.workflow_id, step.path, step.position))

    assert body is not None
    said = json.loads(body.split(b"\n")[1])["headers"]["security"]
    assert set(said) == {"obo_token"}
    assert said["obo_token"].startswith("grant:")


async def stands(run: Any) -> Any:
    view = await run.view()
    return view if view.status.final or view.status == "waiting" else None
