"""A plan that a dispatch takes from the store is what a worker has signed who may publish it, or it is refused."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from paigeant import ActivityRegistry, Paigeant, Step, Workflow
from paigeant.config import Settings
from paigeant.errors import PaigeantError, WrongState
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key

MAY: Final = {
    "api": ["dispatch:*"],
    "billing": ["step:*", "publish:order"],
    "intern": ["step:*", "publish:coffee"],
}


class Bench:
    """Processes with a key each over one database: the api has no handlers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        keys = {name: SigningKey.generate() for name in MAY}
        for name, key in keys.items():
            write_key(folder / name, key)
        jwks = [{**keys[name].public_jwk, "paigeant": {"iss": name, "may": may}} for name, may in MAY.items()]
        (folder / "trust").write_text(json.dumps({"keys": jwks}))
        self.registry = ActivityRegistry()
        self.registry.execute("charge")(self.charge)
        self.registry.execute("refund")(self.charge)

    async def charge(self, note: str = "") -> str:
        return f"charged {note}"

    def app(self, name: str, *workflows: Workflow[Any, Any]) -> Paigeant:
        files: dict[str, Any] = {"signing_key": str(self.folder / name), "trust": str(self.folder / "trust")}
        settings = Settings(store=f"sqlite:///{self.folder}/a.db", signing="on", grace=1, lease=5, **files)
        registry = self.registry if workflows else ActivityRegistry()
        return Paigeant(registry, workflows=workflows, settings=settings)

    async def publish(self, name: str = "billing", **options: Any) -> None:
        workflows = [Workflow(each, [Step("charge", {"note": each})]) for each in ("order", "coffee")]
        async with self.app(name, *workflows) as app, app.worker(**options):
            pass

    def edit(self, statement: str) -> None:
        with closing(sqlite3.connect(self.folder / "a.db")) as connection:
            assert connection.execute(statement).rowcount == 1
            connection.commit()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path)


async def test_a_plan_that_a_worker_has_published_is_dispatched_elsewhere(bench: Bench):
    await bench.publish()
    async with bench.app("api") as app:
        run = await app.dispatch("order", None)
    async with bench.app("billing", Workflow("order", ["charge"])) as app, app.worker():
        assert (await app.run(run.workflow_id).result(20)).output == "charged order"


EDITS: Final = {
    "another step": "UPDATE workflows SET plan = replace(plan, 'charge', 'refund') WHERE name = 'order'",
    "another argument": "UPDATE workflows SET plan = replace(plan, 'order\"}', 'x\"}') WHERE name = 'order'",
    "nobody's": "UPDATE workflows SET plan = json_set(plan, '$.publication', NULL) WHERE name = 'order'",
    "another activity": "UPDATE activities SET card = json_set(card, '$.undo', 'unknown') WHERE name = 'charge'",
    "nobody's activity": "UPDATE activities SET card = json_set(card, '$.publication', NULL) WHERE name = 'charge'",
    "no signature": "UPDATE workflows SET plan = json_set(plan, '$.publication.jws', 'x') WHERE name = 'order'",
    "no signature of an activity": (
        "UPDATE activities SET card = json_set(card, '$.publication.jws', 'x') WHERE name = 'charge'"
    ),
    "a signature of another activity": (
        "UPDATE activities SET card = json_set(card, '$.publication.jws', (SELECT card ->> '$.publication.jws' "
        "FROM activities WHERE name = 'refund')) WHERE name = 'charge'"
    ),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_what_was_edited_in_the_store_is_not_dispatched(bench: Bench, edit: str):
    await bench.publish()
    bench.edit(edit)
    async with bench.app("api") as app:
        with pytest.raises(WrongState, match="as it was published is not believed"):
            await app.dispatch("order", None)


PUBLISHED: Final = [("workflows", "plan", "order"), ("activities", "card", "charge")]


@pytest.mark.parametrize(("table", "column", "name"), PUBLISHED)
@pytest.mark.parametrize("value", ["5", "'x'", "json('{}')", "json('{\"jws\":5}')", 'json(\'{"jws":"x","k":1}\')'])
async def test_a_publication_that_is_none_is_refused_in_words(
    bench: Bench, table: str, column: str, name: str, value: str
):
    await bench.publish()
    bench.edit(f"UPDATE {table} SET {column} = json_set({column}, '$.publication', {value}) WHERE name = '{name}'")
    async with bench.app("api") as app:
        with pytest.raises(PaigeantError, match=f"{name}.*(cannot be read|served|not known)"):
            await app.dispatch("order", None)


async def test_the_plan_of_another_workflow_does_not_take_its_place(bench: Bench):
    await bench.publish("intern")
    await bench.publish()
    coffee = '(SELECT replace(plan, \'"name":"coffee"\', \'"name":"order"\') FROM workflows WHERE name = \'coffee\')'
    bench.edit(f"UPDATE workflows SET plan = {coffee} WHERE name = 'order'")
    async with bench.app("api") as app:
        with pytest.raises(WrongState, match="as it was published is not believed"):
            await app.dispatch("order", None)


async def test_a_worker_publishes_no_workflow_that_its_key_may_not(bench: Bench, caplog: pytest.LogCaptureFixture):
    await bench.publish("intern")
    async with bench.app("api") as app:
        await app.dispatch("coffee", None)
        with pytest.raises(PaigeantError, match="no workflow 'order'"):
            await app.dispatch("order", None)
    assert "workflow 'order' is not published: the key of intern may not publish:order" in caplog.text
