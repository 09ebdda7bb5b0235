"""What a step leaves while it runs is signed: another attempt finds what was recorded, or the run is held."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest

from paigeant import ActivityContext, ActivityRegistry, Paigeant, RetryPolicy, RunStatus, Terminal, Workflow
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.errors import InvalidInput
from paigeant.model.runs import WaitReason
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.security.custody.purposes import Purpose
from paigeant.testing.waiting import eventually
from tests.integration.evidence import audit_twice

AGAIN: Final = 2.0
"""Seconds until the second attempt."""


class Desk:
    """A step whose first attempt records what it has bought, says how far it is, and fails."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.bought, self.found = folder, list[str](), list[Any]()
        self.registry = ActivityRegistry()
        policy = RetryPolicy(max_attempts=2, initial_delay=AGAIN, jitter=0.0)
        self.registry.execute("buy", retry=policy)(self.buy)
        self.registry.execute("ask", retry=policy)(self.buy)
        self.registry.execute("hurry", timeout=0.3, retry=RetryPolicy(max_attempts=1))(self.buy)
        self.fails = False
        may = {"all": ["dispatch:*", "step:*", "operate:*"], "other": ["step:other"]}
        self.keys = {name: SigningKey.generate() for name in may}
        jwks = [{**self.keys[name].public_jwk, "paigeant": {"iss": name, "may": may[name]}} for name in may]
        (folder / "trust").write_text(json.dumps({"keys": jwks}))
        write_key(folder / "key", self.keys["all"])

    async def buy(self, ctx: ActivityContext, payload: str) -> str:
        self.found.append(ctx.heartbeat_detail)
        try:
            bought = await ctx.checkpoint("order", lambda: self._order(payload), cost=0.25)
        except Exception:  # noqa: BLE001  (as code does that goes on whatever happens)
            return "nothing was bought, and never mind"
        ctx.heartbeat({"bought": bought})
        if self.fails:
            raise Terminal("sold out")
        if ctx.attempt == 1:
            raise ValueError("the line went dead")
        return bought

    def _order(self, what: str) -> str:
        self.bought.append(what)
        return f"order {len(self.bought)} of {what}"

    def app(self) -> Paigeant:
        signing: dict[str, Any] = {"signing_key": str(self.folder / "key"), "trust": str(self.folder / "trust")}
        settings = Settings(store=f"sqlite:///{self.folder}/a.db", grace=1, lease=5, **signing)
        flows = [Workflow("shop", ["buy"]), Workflow("shop2", ["ask"]), Workflow("hasty", ["hurry"])]
        return Paigeant(self.registry, workflows=flows, settings=settings.model_copy(update={"signing": "on"}))

    def edit(self, statement: str, *values: Any) -> int:
        with closing(sqlite3.connect(self.folder / "a.db")) as connection:
            changed = connection.execute(statement, values).rowcount
            connection.commit()
            return changed


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


@pytest.fixture
async def failed(desk: Desk) -> AsyncIterator[tuple[Paigeant, Run[Any]]]:
    """A run whose step has failed once, and that nobody works on."""
    async with desk.app() as app:
        run = await app.dispatch("shop", "tea")
        async with app.worker():
            await eventually(lambda: _has_failed(app, run))
        yield app, app.run(run.workflow_id)


async def _has_failed(app: Paigeant, run: Run[Any]) -> bool:
    return (await app.run(run.workflow_id).view()).steps[0].status == "retrying"


async def _held(run: Run[Any]) -> bool:
    view = await run.view()
    assert not view.status.final, view.output
    return (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)


async def test_another_attempt_finds_what_was_recorded_and_said(desk: Desk, failed: tuple[Paigeant, Run[Any]]):
    _, run = failed
    assert (await run.view()).steps[0].heartbeat_detail == {"bought": "order 1 of tea"}
    async with desk.app() as fresh, fresh.worker():
        result = await fresh.run(run.workflow_id).result(20)

    assert (result.output, desk.bought) == ("order 1 of tea", ["tea"])
    assert desk.found == [None, {"bought": "order 1 of tea"}]


EDITS: Final[dict[str, str]] = {
    "another result": "UPDATE checkpoints SET payload = CAST('\"gold\"' AS BLOB)",
    "another call": "UPDATE checkpoints SET fingerprint = 'x'",
    "another kind": "UPDATE checkpoints SET kind = 'x'",
    "no signature": "UPDATE checkpoints SET jws = NULL",
    "no signature, and recorded in the past": "UPDATE checkpoints SET jws = NULL, recorded_at = 0",
    "of another key": "UPDATE checkpoints SET jws = (SELECT jws FROM records LIMIT 1)",
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_a_checkpoint_that_is_not_what_was_signed_is_tampering_whatever_the_code_makes_of_it(
    desk: Desk, failed: tuple[Paigeant, Run[Any]], edit: str
):
    assert desk.edit(edit) == 1
    _, run = failed
    async with desk.app() as fresh, fresh.worker():
        await eventually(lambda: _held(fresh.run(run.workflow_id)), within=20)
        view = await fresh.run(run.workflow_id).view()

    assert "position 1, checkpoint 'ctx.order.0':" in view.steps[0].errors[-1].message
    assert desk.bought == ["tea"]


async def test_a_checkpoint_of_another_run_is_tampering(desk: Desk, failed: tuple[Paigeant, Run[Any]]):
    app, run = failed
    other = await app.dispatch("shop", "gold")
    async with app.worker():
        await eventually(lambda: _has_failed(app, other))
        await eventually(lambda: _is_done(app, run), within=20)
        result = await app.run(other.workflow_id).result(20)
    assert result.output == "order 2 of gold"

    third = await app.dispatch("shop", "ink")
    async with app.worker():
        await eventually(lambda: _has_failed(app, third))
    place = "(SELECT {} FROM checkpoints WHERE workflow_id = ?)"
    taken = f"payload = {place.format('payload')}, jws = {place.format('jws')}"
    ids = (other.workflow_id.hex, other.workflow_id.hex, third.workflow_id.hex)
    assert desk.edit(f"UPDATE checkpoints SET {taken} WHERE workflow_id = ?", *ids) == 1
    async with desk.app() as fresh, fresh.worker():
        await eventually(lambda: _held(fresh.run(third.workflow_id)), within=20)


async def _is_done(app: Paigeant, run: Run[Any]) -> bool:
    return (await app.run(run.workflow_id).view()).status is RunStatus.COMPLETED


async def test_a_checkpoint_that_a_key_of_another_step_has_signed_is_tampering(
    desk: Desk, failed: tuple[Paigeant, Run[Any]], monkeypatch: pytest.MonkeyPatch
):
    _, run = failed
    texts: list[bytes] = []
    sign = SigningKey.sign
    monkeypatch.setattr(SigningKey, "sign", lambda self, why, text: (texts.append(text), sign(self, why, text))[1])
    other = await failed[0].dispatch("shop", "tea")
    async with failed[0].worker():
        await eventually(lambda: _has_failed(failed[0], other))
    whose = str(other.workflow_id).encode()
    [text] = [each for each in texts if b'"of":"checkpoint"' in each and whose in each]
    forged = desk.keys["other"].sign(Purpose.NOTE, text)
    assert desk.edit("UPDATE checkpoints SET jws = ? WHERE workflow_id = ?", forged, other.workflow_id.hex) == 1
    async with desk.app() as fresh, fresh.worker():
        await eventually(lambda: _held(fresh.run(other.workflow_id)), within=20)
        view = await fresh.run(other.workflow_id).view()

    assert "other may not step:buy" in view.steps[0].errors[-1].message
    assert run.workflow_id != other.workflow_id


@pytest.mark.parametrize("detail", [b'{"bought": "gold"}', b"no JSON", b'{"bought": "gold"}\nno.signature'])
async def test_progress_that_is_not_what_was_signed_is_left_out(
    desk: Desk, failed: tuple[Paigeant, Run[Any]], detail: bytes
):
    assert desk.edit("UPDATE heartbeats SET detail = ?", detail) == 1
    async with desk.app() as fresh, fresh.worker():
        result = await fresh.run(failed[1].workflow_id).result(20)

    assert (result.output, desk.found) == ("order 1 of tea", [None, None])


async def test_a_fork_keeps_what_its_source_has_signed(desk: Desk, failed: tuple[Paigeant, Run[Any]]):
    app, run = failed
    fork = await run.fork("buy", keep_checkpoints=True)
    async with desk.app() as fresh, fresh.worker():
        result = await fresh.run(fork.workflow_id).result(20)
    assert (result.output, desk.bought) == ("order 1 of tea", ["tea"])

    of_fork = await (await run.fork("buy", keep_checkpoints=True)).fork("buy", keep_checkpoints=True)
    async with desk.app() as fresh, fresh.worker():
        result = await fresh.run(of_fork.workflow_id).result(20)
        found = await audit_twice(fresh, of_fork.workflow_id)
    assert (result.output, desk.bought, found.broken) == ("order 1 of tea", ["tea"], None)

    second = await app.run(run.workflow_id).fork("buy", keep_checkpoints=True)
    edit = "UPDATE checkpoints SET payload = CAST('\"gold\"' AS BLOB) WHERE workflow_id = ?"
    assert desk.edit(edit, second.workflow_id.hex) == 1
    async with desk.app() as fresh, fresh.worker():
        await eventually(lambda: _held(fresh.run(second.workflow_id)), within=20)

    assert desk.edit(edit, run.workflow_id.hex) == 1
    with pytest.raises(InvalidInput, match=r"cannot be (kept|forked): position 1, checkpoint"):
        await app.run(run.workflow_id).fork("buy", keep_checkpoints=True)


async def _completed(desk: Desk, failed: tuple[Paigeant, Run[Any]]) -> Run[Any]:
    _, run = failed
    async with desk.app() as fresh, fresh.worker():
        await fresh.run(run.workflow_id).result(20)
    return run


LEFT: Final[dict[str, tuple[str, str]]] = {
    "another result": ("UPDATE checkpoints SET payload = CAST('\"gold\"' AS BLOB)", "checkpoints"),
    "a call deleted": ("DELETE FROM checkpoints", "checkpoints"),
    "a call copied": (
        (
            "INSERT INTO checkpoints SELECT workflow_id, step_id, direction, epoch, 'x', fingerprint, kind, library,"
            " worker, fence, took_us, recorded_at, payload, jws FROM checkpoints"
        ),
        "checkpoints",
    ),
    "a call of a later lease": ("UPDATE checkpoints SET fence = 9", "checkpoints"),
    "a call of another step": ("UPDATE checkpoints SET step_id = '" + "0" * 32 + "'", "checkpoints"),
    "cheaper": ("UPDATE ledger SET cost_picos = 1", "ledger"),
    "a charge deleted": ("DELETE FROM ledger", "ledger"),
    "other tokens": ("UPDATE ledger SET input_tokens = 7", "ledger"),
    "put down to another tenant": ("UPDATE ledger SET tenant = 'ann'", "ledger"),
    "put down to another step": ("UPDATE ledger SET step = 'other'", "ledger"),
}


@pytest.mark.parametrize(("edit", "link"), LEFT.values(), ids=LEFT)
async def test_what_a_step_has_recorded_is_named_by_its_record(
    desk: Desk, failed: tuple[Paigeant, Run[Any]], edit: str, link: str
):
    run = await _completed(desk, failed)
    async with desk.app() as app:
        before = await audit_twice(app, run.workflow_id)
        assert (before.verdict, before.broken) == ("intact", None)
        assert desk.edit(edit) == 1
        broken = (await audit_twice(app, run.workflow_id)).broken

    assert broken is not None
    assert broken.link == link


async def test_what_was_recorded_before_a_step_failed_for_good_is_there_when_it_is_run_again(desk: Desk):
    async with desk.app() as app:
        runs = [await app.dispatch("shop", "tea") for _ in range(2)]
        desk.fails = True
        async with app.worker():
            for run in runs:
                await run.result(20)
        deleted, kept = (run.workflow_id for run in runs)
        assert desk.edit("DELETE FROM checkpoints WHERE workflow_id = ?", deleted.hex) == 1
        desk.fails = False
        async with app.worker():
            for run in runs:
                await app.run(run.workflow_id).retry()
            assert (await app.run(kept).result(20)).output.startswith("order")
            await eventually(lambda: _held(app.run(deleted)), within=20)
            view = await app.run(deleted).view()
        found = await audit_twice(app, kept)

    assert "position 1, checkpoints: not what all signed" in view.steps[0].errors[-1].message
    assert (found.verdict, found.broken, len(desk.bought)) == ("intact", None, 2)


async def test_a_call_that_is_cut_short_while_it_is_recorded_is_named(desk: Desk, monkeypatch: pytest.MonkeyPatch):
    async with desk.app() as app:
        record, store = app.runtime.store.record_checkpoints, app.runtime.store

        async def slowly(recordings: Any) -> Any:
            await asyncio.sleep(0.6)
            return await record(recordings)

        monkeypatch.setattr(store, "record_checkpoints", slowly)
        run = await app.dispatch("hasty", "tea")
        async with app.worker():
            result = await run.result(20)
        assert result.status is RunStatus.FAILED
        assert desk.edit("UPDATE checkpoints SET took_us = 1") == 1
        found = await audit_twice(app, run.workflow_id)

    assert (found.verdict, found.broken) == ("intact", None)
