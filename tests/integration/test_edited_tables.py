"""Tables beside a run's own: whatever somebody edits of them, a run comes to what was signed, or waits."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
from sqlalchemy import BigInteger, Boolean, Column, Integer, Table, Text, Uuid

from paigeant import ActivityContext, ActivityRegistry, Budget, Paigeant, RunStatus, Step, Workflow
from paigeant.app.custody import Custody
from paigeant.config import Settings
from paigeant.model.runs import RunView
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.security.sealing.jwe import EncryptionKey
from paigeant.sql.schema.calls import budgets, ledger, pauses, reservations
from paigeant.sql.schema.custody import grants, signing_keys
from paigeant.sql.schema.installation import activities, workflows
from paigeant.sql.schema.tables import plans, run_plans
from paigeant.sql.schema.types import StoreTime
from paigeant.testing.waiting import eventually
from tests.identity_provider import IdentityProvider, identity_provider

TABLES: Final = {
    table.name: table
    for table in (
        *(plans, run_plans, budgets, pauses, reservations, signing_keys, grants),
        *(ledger, workflows, activities),
    )
}
QUIET: Final = 5
"""Half seconds in which nothing changes, after which nothing will."""


class Counter:
    """Two runs before their last step; what that is given is seen."""

    def __init__(self, folder: Path, provider: IdentityProvider) -> None:
        self.folder, self.sold = folder, list[str]()
        self.person, self.identity = provider.token("ann"), provider.settings
        self.registry = ActivityRegistry()
        for step in (self.cut, self.pay, self.sell):
            self.registry.execute(step.__name__)(step)
        key = SigningKey.generate()
        write_key(folder / "key", key)
        may = ["dispatch:*", "publish:*", "step:*", "operate:*"]
        reader = EncryptionKey.generate()
        write_key(folder / "reader", reader)
        said = [(key.public_jwk, may), (reader.public_jwk, ["identity"])]
        jwks = {"keys": [{**jwk, "paigeant": {"iss": "all", "may": each}} for jwk, each in said]}
        (folder / "trust").write_text(json.dumps(jwks))
        long = [Step("cut", {"note": "x" * 500})] * 10  # too long to travel: it lies in the store
        budget = Budget(usd=5)
        self.workflow = Workflow("long", [*long, "pay", "sell"], budget=budget, identity={"crm": ["crm.read"]})

    async def cut(self, note: str) -> str:
        return note[:1]

    async def pay(self, ctx: ActivityContext, payload: str) -> str:
        ctx.heartbeat(payload)
        return await ctx.checkpoint("pay", lambda: f"paid by {payload}", cost=0.25)

    async def sell(self, ctx: ActivityContext, payload: str, pay: str = "nobody") -> str:
        token = await ctx.identity.token(audience="crm", scopes=["crm.read"])
        self.sold.append(f"{payload} {pay} {bool(token)}")
        return self.sold[-1]

    def app(self, store: Path) -> Paigeant:
        files: dict[str, Any] = {"signing_key": str(self.folder / "key"), "trust": str(self.folder / "trust")}
        files["secret_key"] = str(self.folder / "reader")
        settings = Settings(store=f"sqlite:///{store}", signing="on", grace=1, lease=5, **files, **self.identity)
        return Paigeant(self.registry, workflows=[self.workflow], settings=settings)

    async def prepare(self, store: Path) -> list[str]:
        """Make the runs; nobody has served their last step yet."""
        async with self.app(store) as app:
            runs = [await app.dispatch("long", payload, obo_token=self.person) for payload in ("mine", "theirs")]
            async with app.worker(activities=["cut", "pay"]):
                await eventually(lambda: _stand(app, [run.workflow_id for run in runs]), within=60)
        with closing(sqlite3.connect(store)) as connection:
            step = "SELECT workflow_id, step_id FROM step_executions WHERE step = 'sell'"
            for workflow_id, step_id in connection.execute(step).fetchall():
                reserved = (workflow_id, workflow_id, step_id)
                connection.execute(
                    "INSERT INTO reservations SELECT 'default', 'run:' || ?, ?, ?, 'execute', 0, 'k', '', 12, 1, 1, 1",
                    reserved,
                )
            connection.execute("INSERT INTO pauses VALUES ('default', 'm', 0, 1)")
            connection.execute("INSERT INTO signing_keys VALUES ('default', 'kid', 'voucher', '{}', 'a..b', 0, 0)")
            connection.commit()
        return [run.workflow_id.hex for run in runs]

    async def serve(self, store: Path, runs: list[str]) -> list[RunView]:
        """Let a worker that has seen nothing serve the runs until nothing changes."""
        async with self.app(store) as app, app.worker():
            before: list[RunView] = []
            quiet = 0
            while quiet < QUIET:
                await asyncio.sleep(0.5)
                views = [await app.run(run).view() for run in runs]
                quiet = quiet + 1 if views == before else 0
                before = views
                if all(view.status.final for view in views):
                    break
            return before


async def _stand(app: Paigeant, runs: list[Any]) -> bool:
    views = [await app.run(run).view() for run in runs]
    return all(view.steps[-1].step == "sell" for view in views)


@pytest.fixture(scope="module")
def provider() -> Iterator[IdentityProvider]:
    with identity_provider() as served:
        yield served


def _other(column: Column[Any]) -> str:
    """Return another value of a column's type, as SQLite writes it."""
    match column.type:
        case Boolean():
            return f"NOT COALESCE({column.name}, 0)"
        case Integer() | BigInteger():
            return f"COALESCE({column.name}, 0) + 7"
        case StoreTime():
            return f"COALESCE({column.name}, 0) + 100000"
        case Uuid():
            return "'01890000000070008000000000000001'"
        case Text():
            return "'x'"
        case _:
            return "X'0102'"


def _edit(store: Path, table: Table, column: Column[Any], run: str) -> int:
    where = f" WHERE workflow_id = '{run}'" if "workflow_id" in table.columns else ""
    with closing(sqlite3.connect(store)) as connection:
        try:
            made = connection.execute(f'UPDATE OR FAIL "{table.name}" SET "{column.name}" = {_other(column)}{where}')
        except sqlite3.IntegrityError:
            return 0
        connection.commit()
        return made.rowcount


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", TABLES)
async def test_whatever_column_is_edited_a_run_comes_to_what_was_signed_or_waits(
    tmp_path: Path, provider: IdentityProvider, name: str
):
    counter, table = Counter(tmp_path, provider), TABLES[name]
    runs = await counter.prepare(tmp_path / "made.db")
    genuine = ["mine paid by mine True", "theirs paid by theirs True"]
    edited = 0
    for column in table.columns:
        store = tmp_path / f"{column.name}.db"
        with closing(sqlite3.connect(tmp_path / "made.db")) as made, closing(sqlite3.connect(store)) as copy:
            made.backup(copy)
        edited += _edit(store, table, column, runs[0])
        views = await counter.serve(store, runs)
        for view, expected in zip(views, genuine, strict=True):
            what = f"{name}.{column.name}: {view.status} {view.reason} {view.output}"
            assert view.output in {expected, None}, what
            assert view.status is not RunStatus.FAILED or name in {"budgets", "reservations"}, what
        if "workflow_id" in table.columns:
            assert views[1].status is RunStatus.COMPLETED, f"{name}.{column.name}: the other run {views[1].reason}"
        async with counter.app(store) as app:
            found = [(await Custody(app).verify(run)).verdict for run in (view.workflow_id for view in views)]
        assert "unsigned" not in found
    assert edited
    assert set(counter.sold) <= set(genuine)
