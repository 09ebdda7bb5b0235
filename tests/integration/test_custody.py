"""Whoever writes to the database, and makes row, message and digest agree, is found by what was signed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest

from paigeant import ActivityContext, ActivityRegistry, Paigeant, RunStatus, Workflow
from paigeant.app.custody import Custody
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.model.message import HopKey
from paigeant.model.outcomes import Completed
from paigeant.model.runs import RunView, StepStatus, WaitReason
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.keyfiles import write_key
from paigeant.security.signed import SignedCodec
from paigeant.testing.waiting import eventually
from tests.integration.evidence import audit_twice
from tests.integration.test_tampering import Database

STEPS: Final = ("draft", "review", "print")


class Press:
    """Three steps in one database, each executed by a worker of its own that has seen nothing of the others."""

    def __init__(self, database: Database, folder: Path) -> None:
        self.database = database
        self.folder = folder
        self.done: list[str] = []
        self.registry = ActivityRegistry()

        @self.registry.execute
        async def draft(payload: str) -> Completed[str]:
            self.done.append(f"draft {payload}")
            return Completed(f"draft of {payload}", log={"page": 1}, variables={"note": "in red"})

        @self.registry.compensate("draft")
        async def discard(log: dict[str, int], output: str) -> None:
            self.done.append(f"discard {output} {log}")

        @self.registry.execute
        async def review(draft: str, note: str) -> str:
            self.done.append(f"review {draft} {note}")
            if "bad" in draft:
                raise ValueError("it is bad")
            return "good"

        @self.registry.execute("print")
        async def press(draft: str, review: str, ctx: ActivityContext) -> str:
            self.done.append(f"print {draft} {review}")
            return f"printed {await ctx.load_variable('note')}"

    def app(self, key: str = "all", trust: str = "trust", **more: Any) -> Paigeant:
        settings = Settings(
            store=self.database.url,
            grace=1,
            lease=5,
            signing="on",
            signing_key=str(self.folder / key),
            trust=str(self.folder / trust),
            **more,
        )
        return Paigeant(self.registry, workflows=[Workflow("paper", list(STEPS))], settings=settings)

    async def serve(self, run: Run, step: str, *, key: str = "all", until: Callable[[RunView], bool]) -> RunView:
        """Let a new worker serve a step until the run stands like this."""
        async with self.app(key) as app, app.worker(activities=[step]):
            found = await app.run(run.workflow_id).view()

            async def ask() -> bool:
                nonlocal found
                found = await app.run(run.workflow_id).view()
                return until(found)

            await eventually(ask, within=20)
            return found

    async def serve_all(self, run: Run, *steps: str) -> None:
        """Let a worker for each of these steps, one after the other, do its part."""
        for number, step in enumerate(steps, 2):
            await self.serve(run, step, until=lambda view, number=number: _is_at(view, number))

    def revoke(self, name: str, at: datetime) -> None:
        """Say in the key set from when on a key does not count."""
        path = self.folder / "trust"
        kid = json.loads((self.folder / name).read_text())["kid"]
        jwks = json.loads(path.read_text())
        for key in jwks["keys"]:
            if key["kid"] == kid:
                key["paigeant"]["revoked_from"] = at.isoformat()
        path.write_text(json.dumps(jwks))

    async def rewrite(self, app: Paigeant, run: Run, position: int, change: Callable[[list[bytes]], Any]) -> None:
        """Change the lines of a hop's message, and make row and digest agree with it."""
        body = await app.store.get_message(HopKey(run.workflow_id, "", position))
        assert body is not None
        lines = body.split(b"\n")
        change(lines)
        made = b"\n".join(lines)
        digest = hashlib.sha256(made).digest()
        text = "X'{0}'" if self.database.is_sqlite else "decode('{0}', 'hex')"
        body_text, digest_text = text.format(made.hex()), text.format(digest.hex())
        where = f"WHERE workflow_id = '{{run}}' AND position = {position}"
        edit = f"UPDATE step_executions SET body = {body_text}, digest = {digest_text} {where}"
        self.database.edit(edit, run=run.workflow_id)


def _is_at(view: RunView, position: int) -> bool:
    return view.status.final or (len(view.steps) >= position and view.steps[-1].status is StepStatus.PENDING)


def _is_held(view: RunView) -> bool:
    return view.reason in {"tampered", "unsigned", "revoked", "unreadable"} or view.status.final


def trusted(key: SigningKey, *may: str) -> dict[str, Any]:
    return {**key.public_jwk, "paigeant": {"iss": f"{key.kid[:4]}", "may": list(may)}}


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path, tell_postgres: Any) -> Database:
    url = f"sqlite:///{tmp_path}/paigeant.db"
    return Database(request.getfixturevalue("new_postgres")() if request.param == "postgresql" else url, tell_postgres)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keys = {name: SigningKey.generate() for name in ("all", "draft", "stranger")}
    for name, key in keys.items():
        assert write_key(tmp_path / name, key)
    may = {"all": ("dispatch:*", "step:*", "operate:*"), "draft": ("step:draft",)}
    jwks = {"keys": [trusted(keys[name], *rights) for name, rights in may.items()]}
    (tmp_path / "trust").write_text(json.dumps(jwks))
    (tmp_path / "strangers").write_text(json.dumps({"keys": [trusted(keys["stranger"], "dispatch:*", "step:*")]}))
    return tmp_path


@pytest.fixture
def press(database: Database, folder: Path) -> Press:
    return Press(database, folder)


async def test_a_run_whose_steps_run_in_three_processes_verifies_all_the_way(press: Press):
    async with press.app() as app:
        run = await app.dispatch("paper", "mine")
        await press.serve_all(run, "draft", "review")
        view = await press.serve(run, "print", until=lambda view: view.status.final)

        found = await audit_twice(app, run.workflow_id)

    assert view.status is RunStatus.COMPLETED
    assert (found.verdict, found.broken) == ("intact", None)
    assert [hop["step"] for hop in found.hops] == [None, "draft", "review", "print"]
    assert press.done == ["draft mine", "review draft of mine in red", "print draft of mine good"]


def _input(lines: list[bytes]) -> None:
    lines[1] = lines[1].replace(b"mine", b"evil")


def _record(lines: list[bytes]) -> None:
    lines[2] = lines[2].replace(b'"attempt":1', b'"attempt":2')


def _signature(lines: list[bytes]) -> None:
    lines[3] = lines[3][:-8] + b"AAAAAAAA"


def _unsigned(lines: list[bytes]) -> None:
    del lines[2:]


MESSAGES = {
    "the input": (_input, "tampered", "position 3, message: not what"),
    "the record": (_record, "tampered", "position 2, record: it is not what"),
    "the signature": (_signature, "tampered", "position 2, record: it is not what"),
    "no signature": (_unsigned, "unsigned", "not signed"),
}


@pytest.mark.parametrize(("change", "reason", "why"), MESSAGES.values(), ids=MESSAGES)
async def test_a_message_that_was_forged_with_its_row_is_held(press: Press, change: Any, reason: str, why: str):
    async with press.app() as app:
        run = await app.dispatch("paper", "mine")
        await press.serve_all(run, "draft", "review")
        await press.rewrite(app, run, 3, change)

        view = await press.serve(run, "print", until=_is_held)

    assert (view.status, view.reason) == (RunStatus.WAITING, reason)
    assert why in view.steps[-1].errors[-1].message
    assert not any(done.startswith("print") for done in press.done)


WHERE = "WHERE workflow_id = '{run}' AND position ="
SPOIL = 'UPDATE workflow_variables SET value = \'{{"value":"x"}}\' ' + WHERE + " 1"
MEND = 'UPDATE workflow_variables SET value = \'{{"value":"in red"}}\' ' + WHERE + " 1"
OUTPUT = 'UPDATE step_executions SET output = \'{{"value":"x"}}\' ' + WHERE + " 1"
LOG = 'UPDATE step_executions SET log = \'{{"value":{{"page": 9}}}}\' ' + WHERE + " 1"
ATTEMPT = "replace(text, '\"attempt\"', '\"attempts\"')"
EDITS = {
    "a variable": (SPOIL, "variable 'note'"),
    "an output": (OUTPUT, "variable 'draft'"),
    "a record": (f"UPDATE records SET text = {ATTEMPT} {WHERE} 1", "follows"),
    "a record's signature": ("UPDATE records SET jws = replace(jws, '..', '..A') " + WHERE + " 1", "follows"),
    "a record that is gone": ("DELETE FROM records " + WHERE + " 1", "follows is not in the store"),
    "the deadline": ("UPDATE workflow_runs SET deadline = created_at WHERE workflow_id = '{run}'", "deadline"),
}


@pytest.mark.parametrize(("edit", "why"), EDITS.values(), ids=EDITS)
async def test_what_was_signed_and_then_edited_is_held(press: Press, edit: str, why: str):
    async with press.app() as app:
        run = await app.dispatch("paper", "mine")
        await press.serve_all(run, "draft", "review")
        press.database.edit(edit, run=run.workflow_id)

        view = await press.serve(run, "print", until=_is_held)

    assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)
    assert why in view.steps[-1].errors[-1].message


async def test_a_hop_that_was_left_is_not_run_again_because_its_row_says_so(press: Press):
    async with press.app() as app:
        run = await app.dispatch("paper", "mine")
        await press.serve_all(run, "draft", "review")
        again = "status = 'pending', completed_at = NULL, due_at = hint_at, committed_by = NULL, head = NULL"
        press.database.edit(f"UPDATE step_executions SET {again} {WHERE} 2", run=run.workflow_id)

        await press.serve(run, "review", until=lambda view: view.steps[1].reason == WaitReason.TAMPERED)

    assert len([done for done in press.done if done.startswith("review")]) == 1


async def test_a_key_without_the_right_to_it_runs_and_dispatches_nothing_and_hears_what_to_do(press: Press):
    async with press.app("draft") as app:
        with pytest.raises(ConfigError, match=r"may not dispatch:paper: add it to its rights"):
            await app.dispatch("paper", "mine")
        with pytest.raises(ConfigError, match=r"may not step:review: add it to its rights"):
            async with app.worker(activities=["draft", "review"]):
                pass
        async with app.worker(activities=["draft"]):
            assert (await app.runs()).runs == ()


async def test_a_worker_signs_no_step_but_its_own(press: Press, monkeypatch: pytest.MonkeyPatch):
    """Also one that does not ask itself whether it may."""
    monkeypatch.setattr(SignedCodec, "require_rights", lambda *_: None)
    async with press.app() as app:
        run = await app.dispatch("paper", "mine")
        await press.serve_all(run, "draft")
        await press.serve(run, "review", key="draft", until=lambda view: _is_at(view, 3))

        view = await press.serve(run, "print", until=_is_held)

    assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)
    assert "may not step:review" in view.steps[-1].errors[-1].message


async def test_a_stolen_key_is_worth_nothing_once_it_is_revoked(press: Press):
    """Its records count until then: what was stored before goes on, what is stored after it waits."""
    async with press.app() as app:
        run = await app.dispatch("paper", "mine")
        await press.serve(run, "draft", key="draft", until=lambda view: _is_at(view, 2))
        late = await app.dispatch("paper", "his")
        press.revoke("draft", at=datetime.now(UTC))
        await press.serve(late, "draft", key="draft", until=lambda view: _is_at(view, 2))

        await press.serve(run, "review", until=lambda view: _is_at(view, 3))
        view = await press.serve(late, "review", until=_is_held)

    assert (view.status, view.reason) == (RunStatus.WAITING, "revoked")
    assert "was revoked from" in view.steps[-1].errors[-1].message
    assert "review draft of his in red" not in press.done


async def test_what_a_stranger_has_signed_is_offered_again_in_case_that_the_key_becomes_known(press: Press):
    async with press.app("stranger", "strangers") as app:
        run = await app.dispatch("paper", "mine")

    view = await press.serve(run, "draft", until=lambda view: str(view.reason or "").startswith("unreadable"))

    assert view.status is RunStatus.WAITING
    assert view.due_at is not None
    assert press.done == []


@pytest.mark.parametrize(("edit", "why"), [(OUTPUT, "position 1, out"), (LOG, "position 1, log")], ids=["out", "log"])
async def test_what_is_undone_is_what_was_signed(press: Press, edit: str, why: str):
    async with press.app() as app:
        run = await app.dispatch("paper", "bad")
        await press.serve_all(run, "draft", "review")
        press.database.edit(edit, run=run.workflow_id)

        view = await press.serve(run, "draft", until=_is_held)

    assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)
    assert why in view.steps[-1].errors[-1].message
    assert not any(done.startswith("discard") for done in press.done)


async def test_a_run_of_another_audience_is_refused(press: Press):
    async with press.app(audience="staging") as app:
        run = await app.dispatch("paper", "mine")

    view = await press.serve(run, "draft", until=_is_held)

    assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)
    assert "aud" in view.steps[-1].errors[-1].message
    assert press.done == []


async def test_a_run_that_was_held_goes_on_once_it_is_as_it_was_signed(press: Press):
    async with press.app() as app:
        run = await app.dispatch("paper", "mine")
        await press.serve_all(run, "draft")
        press.database.edit(SPOIL, run=run.workflow_id)
        await press.serve(run, "review", until=_is_held)
        press.database.edit(MEND, run=run.workflow_id)

        await run.retry()
        await press.serve(run, "review", until=lambda view: _is_at(view, 3))
        view = await press.serve(run, "print", until=lambda view: view.status.final)

    assert view.status is RunStatus.COMPLETED


AT = "UPDATE step_executions SET"
UNDONE = '\'[{{"position": 1, "activity": "x", "step_id": "01890000-0000-7000-8000-000000000001"}}]\''
LIES = {
    "the run's input": ("UPDATE workflow_runs SET input = '{{\"value\":\"x\"}}' WHERE workflow_id = '{run}'", "input"),
    "the run's output": ("UPDATE workflow_runs SET output = NULL WHERE workflow_id = '{run}'", "result"),
    "the run's status": ("UPDATE workflow_runs SET status = 'failed' WHERE workflow_id = '{run}'", "run"),
    "the workflow": ("UPDATE workflow_runs SET workflow = 'other' WHERE workflow_id = '{run}'", "workflow"),
    "a step's input": (f"{AT} input = '{{{{}}}}' {WHERE} 2", "in"),
    "a step's output": (f"{AT} output = '{{{{\"value\": 1}}}}' {WHERE} 2", "out"),
    "a step's log": (LOG, "log"),
    "a step's name": (f"{AT} step = 'draft' {WHERE} 2", "step"),
    "a step's status": (f"{AT} status = 'failed' {WHERE} 2", "status"),
    "what is undone": (f"{AT} undo_before = {UNDONE} {WHERE} 2", "undo"),
    "a message": (f"{AT} body = NULL {WHERE} 2", "message"),
    "a variable": (SPOIL, "vars.note"),
    "a variable that is gone": ("DELETE FROM workflow_variables WHERE workflow_id = '{run}'", "vars.note"),
    "a variable that nobody set": (f"UPDATE workflow_variables SET name = 'other' {WHERE} 1", "vars.note"),
    "a record": (f"UPDATE records SET text = {ATTEMPT} {WHERE} 2", "record"),
    "a record of another hop": (f"UPDATE records SET position = 9 {WHERE} 3", "record"),
    "a record that is gone": (f"DELETE FROM records {WHERE} 2", "prev"),
    "the last record": (f"DELETE FROM records {WHERE} 3", "run"),
    "a hop that is gone": (f"DELETE FROM step_executions {WHERE} 3", "message"),
}


async def test_whatever_was_edited_since_is_named_by_an_audit(press: Press):
    """Each in turn, on one run, which is as it was in between."""
    tables = ("workflow_runs", "step_executions", "workflow_variables", "records")
    async with press.app() as app:
        run = await app.dispatch("paper", "mine")
        await press.serve_all(run, "draft", "review")
        await press.serve(run, "print", until=lambda view: view.status.final)
        custody = Custody(app)
        press.database.edit(*(f"CREATE TABLE kept_{name} AS SELECT * FROM {name}" for name in tables))
        named: dict[str, str | None] = {}
        for what, (edit, _) in LIES.items():
            press.database.edit(edit, run=run.workflow_id)
            found = await custody.verify(run.workflow_id)
            named[what] = found.broken and found.broken.link
            press.database.edit(
                *(f"DELETE FROM {name}" for name in (*tables[:0:-1],)),
                *_restore(press.database, tables),
            )

        assert (await custody.verify(run.workflow_id)).verdict == "intact"
    assert named == {what: link for what, (_, link) in LIES.items()}


def _restore(database: Database, tables: tuple[str, ...]) -> list[str]:
    """Return what brings the rows back; the run's own is not deleted, for others refer to it."""
    made = [f"INSERT INTO {name} SELECT * FROM kept_{name}" for name in tables[1:]]
    columns = ("workflow", "input", "output", "status")
    values = ", ".join(f"{name} = (SELECT {name} FROM kept_workflow_runs)" for name in columns)
    del database
    return [f"UPDATE workflow_runs SET {values}", *made]


async def test_evidence_is_exported_with_a_key_that_may(press: Press):
    async with press.app() as app:
        run = await app.dispatch("paper", "mine")
    async with press.app("draft") as app:
        with pytest.raises(ConfigError, match="may not operate:export: add it to its rights"):
            await Custody(app).export(run.workflow_id)
    settings = Settings(store=press.database.url, trust=str(press.folder / "trust"))
    async with Paigeant(settings=settings, create=False) as app:
        with pytest.raises(ConfigError, match="set PAIGEANT_SIGNING_KEY to a key that may operate:export"):
            await Custody(app).export(run.workflow_id)
