"""A run that began unsigned waits where hops are signed, until a person vouches for it; custody begins there."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import pytest

from paigeant import ActivityRegistry, Paigeant, Parallel, RunStatus, SubWorkflow, Wait, Workflow
from paigeant.app.operating.adoption import adopt_all
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.errors import ConfigError, WrongState
from paigeant.model.outcomes import Completed
from paigeant.model.runs import RunView, WaitReason
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.testing.waiting import eventually
from tests.integration.evidence import audit_twice
from tests.integration.test_tampering import Database

ALL: Final = ("dispatch:*", "step:*", "operate:*")
SOON, PAST = "now() + interval '1h'", "now() - interval '1s'"


class Shop:
    """One database, processes that sign, and processes that do not."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database, self.folder = database, folder
        self.done: list[str] = []
        self.registry = ActivityRegistry()

        @self.registry.execute
        async def pack(payload: str) -> Completed[str]:
            self.done.append("pack")
            return Completed(f"box of {payload}", log={"shelf": 3}, variables={"label": "fragile"})

        @self.registry.compensate("pack")
        async def unpack(log: dict[str, int], output: str) -> None:
            self.done.append(f"unpack {output} from {log['shelf']}")

        @self.registry.execute
        async def ship(pack: str = "glass", label: str = "") -> str:
            self.done.append(f"ship {pack} {label}")
            if "glass" in pack:
                raise ValueError("it is broken")
            return "shipped"

        @self.registry.execute
        async def bill(payload: str) -> str:
            self.done.append(f"bill {payload}")
            return "billed"

        self.workflows = [
            Workflow("order", ["pack", "ship"]),
            Workflow("wait", ["pack", Wait("paid"), "ship"]),
            Workflow("both", ["pack", Parallel(a=["bill", Wait("paid")], b=["bill"]), "ship"]),
            Workflow("inner", ["pack", Wait("paid")]),
            Workflow("outer", [SubWorkflow("inner"), "bill"]),
            Workflow("fails", ["bill", Wait("paid"), "ship"]),
        ]

    def app(self, key: str | None = "desk", **more: Any) -> Paigeant:
        """Return a process that signs with this key; without one it does not sign."""
        signing: dict[str, Any] = {"signing": "on", "signing_key": str(self.folder / key)} if key else {}
        if key:
            signing["trust"] = str(self.folder / "trust")
        settings = Settings(store=self.database.url, grace=1, lease=5, **signing | more)
        return Paigeant(self.registry, workflows=self.workflows, settings=settings)

    async def serve(self, app: Paigeant, run: Run, until: Callable[[RunView], bool], *steps: str) -> RunView:
        """Let a worker serve these steps, or all, until the run stands like this."""
        found = await run.view()

        async def ask() -> bool:
            nonlocal found
            found = await run.view()
            return until(found)

        async with app.worker(activities=steps or None):
            await eventually(ask, within=20)
        return found

    async def begun(self, workflow: str, payload: str, until: Callable[[RunView], bool], *steps: str) -> Run:
        """Return a run that processes have begun which do not sign."""
        async with self.app(None) as app:
            run = await app.dispatch(workflow, payload)
            await self.serve(app, run, until, *steps)
        return run


def final(view: RunView) -> bool:
    return view.status.final


def unsigned(view: RunView) -> bool:
    return view.reason == WaitReason.UNSIGNED


def held(view: RunView) -> bool:
    return view.reason == WaitReason.TAMPERED or view.status.final


def packed(view: RunView) -> bool:
    return "pack" in view.variables


def waits_for_signal(view: RunView) -> bool:
    return view.reason == "signal paid"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def database(request: pytest.FixtureRequest, tmp_path: Path, tell_postgres: Any) -> Database:
    url = f"sqlite:///{tmp_path}/paigeant.db"
    return Database(request.getfixturevalue("new_postgres")() if request.param == "postgresql" else url, tell_postgres)


@pytest.fixture
def shop(database: Database, tmp_path: Path) -> Shop:
    may = {"desk": (*ALL, "adopt"), "worker": ALL}
    keys = {name: SigningKey.generate() for name in may}
    for name, key in keys.items():
        assert write_key(tmp_path / name, key)
    members = [{**keys[name].public_jwk, "paigeant": {"iss": name, "may": list(may[name])}} for name in may]
    (tmp_path / "trust").write_text(json.dumps({"keys": members}))
    return Shop(database, tmp_path)


async def test_a_run_that_began_unsigned_waits_until_somebody_vouches_for_it(shop: Shop):
    run = await shop.begun("order", "tea", packed, "pack")
    async with shop.app() as app:
        same = app.run(run.workflow_id)
        waiting = await shop.serve(app, same, unsigned)
        before = list(shop.done)
        why = await same.why()

        adopted = await same.adopt()

        view = await shop.serve(app, same, final)
        found = await audit_twice(app, run.workflow_id)
        deeds = await same.deeds()
    assert (waiting.status, before) == (RunStatus.WAITING, ["pack"])
    assert "audit adopt" in why.because[0].verbs
    assert adopted == [run.workflow_id]
    assert view.status is RunStatus.COMPLETED
    assert shop.done == ["pack", "ship box of tea fragile"]
    assert (found.verdict, found.broken) == ("intact", None)
    assert [hop["kind"] for hop in found.hops] == ["adopt", "hop", "adopt", "adopt"]
    assert [(deed.verb, deed.signed) for deed in deeds] == [("adopt", True)]


EDITS = {
    "the output of a step before": ('UPDATE step_executions SET output = \'{{"value":"x"}}\'', "variable 'pack'"),
    "a variable": ('UPDATE workflow_variables SET value = \'{{"value":"x"}}\'', "variable 'label'"),
    "the adoption": ("UPDATE records SET text = replace(text, '\"open\"', '\"opem\"')", "not in the store"),
}


@pytest.mark.parametrize(("edit", "why"), EDITS.values(), ids=EDITS)
async def test_what_was_vouched_for_is_held_once_it_is_edited(shop: Shop, edit: str, why: str):
    run = await shop.begun("order", "tea", packed, "pack")
    async with shop.app() as app:
        await app.run(run.workflow_id).adopt()
        place = 0 if "records" in edit else 1
        shop.database.edit(f"{edit} WHERE workflow_id = '{{run}}' AND position = {place}", run=run.workflow_id)

        view = await shop.serve(app, app.run(run.workflow_id), held)

    assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)
    assert why in view.steps[-1].errors[-1].message
    assert shop.done == ["pack"]


async def test_the_message_that_was_vouched_for_is_the_one_that_is_executed(shop: Shop):
    run = await shop.begun("order", "tea", packed, "pack")
    other = await shop.begun("order", "salt", packed, "pack")
    async with shop.app() as app:
        await app.run(run.workflow_id).adopt()
        body = "(SELECT {0} FROM step_executions WHERE workflow_id = '{{other}}' AND position = 2)"
        edit = f"UPDATE step_executions SET body = {body.format('body')}, digest = {body.format('digest')}"
        where = "WHERE workflow_id = '{run}' AND position = 2"
        shop.database.edit(f"{edit} {where}", run=run.workflow_id, other=other.workflow_id)

        view = await shop.serve(app, app.run(run.workflow_id), held)

    assert view.reason == WaitReason.TAMPERED
    assert shop.done == ["pack", "pack"]


async def test_a_key_without_the_right_adopts_nothing(shop: Shop):
    run = await shop.begun("order", "tea", packed, "pack")
    async with shop.app("worker") as app:
        with pytest.raises(ConfigError, match="worker may not adopt: add it to its rights"):
            await app.run(run.workflow_id).adopt()
        with pytest.raises(ConfigError, match="may not adopt"):
            await adopt_all(app.runtime)
    async with shop.app(None) as app:
        with pytest.raises(ConfigError, match="PAIGEANT_SIGNING=on"):
            await app.run(run.workflow_id).adopt()


async def test_who_forges_an_adoption_with_a_key_of_another_right_is_found_out(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("paigeant.security.signed.SignedCodec.require_rights", lambda *_: None)
    run = await shop.begun("order", "tea", packed, "pack")
    async with shop.app("worker") as app:
        await app.run(run.workflow_id).adopt()

        view = await shop.serve(app, app.run(run.workflow_id), held)

    assert view.reason == WaitReason.TAMPERED
    assert "adoption, signer: worker may not adopt" in view.steps[-1].errors[-1].message


async def test_what_was_done_before_is_undone_as_it_was_vouched_for(shop: Shop):
    run = await shop.begun("order", "glass", packed, "pack")
    edited = await shop.begun("order", "glass", packed, "pack")
    async with shop.app() as app:
        for each in (run, edited):
            await app.run(each.workflow_id).adopt()
        await shop.serve(app, app.run(edited.workflow_id), lambda view: len(view.steps) > 2, "ship")
        log = "UPDATE step_executions SET log = '{{\"value\":{{\"shelf\": 9}}}}' WHERE workflow_id = '{run}'"
        shop.database.edit(f"{log} AND position = 1", run=edited.workflow_id)

        view = await shop.serve(app, app.run(run.workflow_id), final)
        wrong = await shop.serve(app, app.run(edited.workflow_id), held)
        found = await audit_twice(app, run.workflow_id)

    assert view.status is RunStatus.COMPENSATED
    assert "unpack box of glass from 3" in shop.done
    assert (found.verdict, found.broken) == ("intact", None)
    assert wrong.reason == WaitReason.TAMPERED
    assert "unpack box of glass from 9" not in shop.done


async def test_branches_in_flight_are_adopted_with_their_node(shop: Shop):
    def begun(view: RunView) -> bool:
        return waits_for_signal(view) and shop.done.count("bill tea") == 2

    run = await shop.begun("both", "tea", begun)
    async with shop.app() as app:
        same = app.run(run.workflow_id)
        await same.adopt()
        await same.signal("paid", 1)

        view = await shop.serve(app, same, final)
        found = await audit_twice(app, run.workflow_id)

    assert view.status is RunStatus.COMPLETED
    assert (found.verdict, found.broken) == ("intact", None)


async def test_runs_within_a_run_are_adopted_with_it(shop: Shop):
    run = await shop.begun("outer", "tea", lambda view: bool(view.children) and "pack" in shop.done)
    async with shop.app() as app:
        same = app.run(run.workflow_id)
        [child] = (await same.view()).children
        adopted = await same.adopt()
        await app.run(child.workflow_id).signal("paid", 1)

        view = await shop.serve(app, same, final)
        found = [await audit_twice(app, each) for each in adopted]

    assert adopted == [child.workflow_id, run.workflow_id]
    assert view.status is RunStatus.COMPLETED
    assert [(one.verdict, one.broken) for one in found] == [("intact", None)] * 2


async def test_a_failed_run_is_adopted_and_retried(shop: Shop):
    run = await shop.begun("fails", "tea", waits_for_signal)
    async with shop.app(None) as app:
        await app.run(run.workflow_id).signal("paid", 1)
        view = await shop.serve(app, app.run(run.workflow_id), final)
    async with shop.app() as app:
        same = app.run(run.workflow_id)
        await same.adopt()
        await same.retry()

        again = await shop.serve(app, same, final)
        found = await audit_twice(app, run.workflow_id)

    assert (view.status, again.status) == (RunStatus.FAILED, RunStatus.FAILED)
    assert (found.verdict, found.broken) == ("intact", None)


async def test_what_people_had_asked_for_is_vouched_for_too(shop: Shop):
    run = await shop.begun("wait", "tea", waits_for_signal)
    async with shop.app(None) as app:
        await app.run(run.workflow_id).set_variable("label", "heavy")
        await app.run(run.workflow_id).signal("paid", {"sum": 3})
    async with shop.app() as app:
        await app.run(run.workflow_id).adopt()

        view = await shop.serve(app, app.run(run.workflow_id), final)
        found = await audit_twice(app, run.workflow_id)

    assert view.status is RunStatus.COMPLETED
    assert shop.done == ["pack", "ship box of tea heavy"]
    assert (found.verdict, found.broken) == ("intact", None)
    assert [deed["verb"] for deed in found.deeds] == ["variable", "signal", "adopt"]


async def test_a_run_is_adopted_once_and_not_while_somebody_holds_it(shop: Shop):
    run = await shop.begun("order", "tea", packed, "pack")
    lease = "UPDATE step_executions SET owner = 'old', due_at = {0} WHERE workflow_id = '{{run}}' AND position = 2"
    later, past = ("32503680000", "1") if shop.database.is_sqlite else (SOON, PAST)
    async with shop.app() as app:
        shop.database.edit(lease.format(later), run=run.workflow_id)
        with pytest.raises(WrongState, match="a step is being executed"):
            await app.run(run.workflow_id).adopt()
        shop.database.edit(lease.format(past), run=run.workflow_id)

        assert await app.run(run.workflow_id).adopt() == [run.workflow_id]
        assert await app.run(run.workflow_id).adopt() == []


async def test_all_open_runs_are_adopted_or_those_from_before(shop: Shop):
    over = await shop.begun("order", "tea", final)
    runs = [await shop.begun("order", "tea", packed, "pack") for _ in range(2)]
    async with shop.app() as app:
        early = await adopt_all(app.runtime, before=datetime.now(UTC) - timedelta(days=1))
        done = await adopt_all(app.runtime)

        with pytest.raises(WrongState, match="completed"):
            await app.run(over.workflow_id).adopt()

    assert (early.adopted, early.refused) == ((), ())
    assert (set(done.adopted), done.refused) == ({run.workflow_id for run in runs}, ())


async def test_with_keys_of_development_workers_adopt_by_themselves(
    shop: Shop, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(shop.folder)
    run = await shop.begun("both", "tea", waits_for_signal)
    settings = Settings(store=shop.database.url, grace=1, lease=5, signing="on")
    async with Paigeant(shop.registry, workflows=shop.workflows, settings=settings) as app:
        same = app.run(run.workflow_id)
        await same.signal("paid", 1)

        view = await shop.serve(app, same, final)
        found = await audit_twice(app, run.workflow_id)

    assert view.status is RunStatus.COMPLETED
    assert (found.verdict, found.broken) == ("intact", None)
    assert "began unsigned, and was adopted" in caplog.text


async def test_who_does_not_sign_executes_nothing_of_an_adopted_run(shop: Shop):
    run = await shop.begun("order", "tea", packed, "pack")
    async with shop.app() as app:
        await app.run(run.workflow_id).adopt()
    async with shop.app(None) as app:
        view = await shop.serve(app, app.run(run.workflow_id), lambda view: view.status is RunStatus.WAITING)

    assert str(view.reason).startswith("unreadable")
    assert shop.done == ["pack"]
