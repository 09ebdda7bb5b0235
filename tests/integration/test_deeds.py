"""What people do to signed runs is signed too, and what nobody has signed moves nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest

from paigeant import ActivityRegistry, Paigeant, RetryPolicy, RunStatus, Wait, Workflow
from paigeant.app.operating.deeds import acting
from paigeant.app.run import Run
from paigeant.config import Settings
from paigeant.model.runs import CancelRequest, RunView, WaitReason
from paigeant.model.stored.signals import SentSignal
from paigeant.model.values.values import inline
from paigeant.sql.schema.custody import deeds
from paigeant.testing.waiting import eventually
from tests.integration.evidence import audit_twice
from tests.integration.test_tampering import Database

OF_RUN = "WHERE workflow_id = '{run}'"


class Desk:
    """A workflow that waits for a person, and fails until it is mended."""

    def __init__(self, folder: Path) -> None:
        self.database = Database(f"sqlite:///{folder}/paigeant.db", lambda _: None)
        self.mended = False
        self.registry = ActivityRegistry()

        @self.registry.execute
        async def draft(payload: str) -> str:
            return f"draft of {payload}"

        @self.registry.execute("print", retry=RetryPolicy(max_attempts=1))
        async def press(draft: str, approved: str, tone: str = "plain") -> str:
            if not self.mended:
                raise ValueError("out of paper")
            return f"{draft}, {approved}, {tone}"

    def app(self) -> Paigeant:
        settings = Settings(store=self.database.url, signing="on", lease=5, grace=1)
        return Paigeant(
            self.registry, workflows=[Workflow("paper", ["draft", Wait("approved"), "print"])], settings=settings
        )

    async def dispatch(self) -> Run[Any]:
        async with self.app() as app:
            return await app.dispatch("paper", "mine")

    async def serve(self, run: Run[Any], until: Any) -> RunView:
        """Let a worker that has seen nothing serve the run until it stands like this."""
        async with self.app() as app, app.worker():
            found = await app.run(run.workflow_id).view()

            async def ask() -> bool:
                nonlocal found
                found = await app.run(run.workflow_id).view()
                return until(found)

            await eventually(ask, within=30)
        return found

    async def audit(self, run: Run[Any]) -> Any:
        async with self.app() as app:
            return await audit_twice(app, run.workflow_id)


def waits(view: RunView) -> bool:
    return view.status is RunStatus.WAITING


def is_over(view: RunView) -> bool:
    return view.status.final or view.reason == WaitReason.TAMPERED


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


async def test_a_signal_a_variable_and_a_retry_are_signed_and_obeyed(desk: Desk):
    run = await desk.dispatch()
    await desk.serve(run, waits)
    async with desk.app() as app:
        handle = app.run(run.workflow_id)
        with acting("ann", via="cli"):
            await handle.set_variable("tone", "dry")
            await handle.signal("approved", "yes")
        await desk.serve(run, is_over)
        desk.mended = True
        with acting("bob", via="api"):
            await handle.retry()
        view = await desk.serve(run, is_over)
        deeds = await handle.deeds()

    found = await desk.audit(run)
    assert (view.status, view.output) == (RunStatus.COMPLETED, "draft of mine, yes, dry")
    assert [(deed.verb, deed.by, deed.via) for deed in deeds] == [
        ("variable", "ann", "cli"),
        ("signal", "ann", "cli"),
        ("retry", "bob", "api"),
    ]
    assert (found.verdict, found.broken) == ("intact", None)
    assert [(deed["verb"], deed["by"]) for deed in found.deeds] == [
        ("variable", "ann"),
        ("signal", "ann"),
        ("retry", "bob"),
    ]


async def test_a_request_to_cancel_that_nobody_has_signed_is_not_obeyed(desk: Desk):
    run = await desk.dispatch()
    async with desk.app() as app:
        await app.store.request_cancel(run.workflow_id, CancelRequest.PLAIN)
        held = await desk.serve(run, is_over)
        assert (held.status, held.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)

        assert await app.run(run.workflow_id).cancel() is RunStatus.CANCELLED
    assert (await desk.audit(run)).verdict == "intact"


async def test_what_a_signal_carries_that_nobody_has_signed_is_not_read(desk: Desk):
    run = await desk.dispatch()
    await desk.serve(run, waits)
    async with desk.app() as app:
        await app.store.send_signals([SentSignal(run.workflow_id, "approved", "1", inline("forged"))])

    view = await desk.serve(run, is_over)

    assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)
    assert "signal 'approved': nobody has signed that it was sent like this" in view.nodes[-1].errors[-1].message


async def test_a_hop_that_was_resumed_by_nobody_is_not_run_again(desk: Desk):
    run = await desk.dispatch()
    await desk.serve(run, waits)
    async with desk.app() as app:
        await app.run(run.workflow_id).signal("approved", "yes")
        await desk.serve(run, is_over)
        desk.mended = True
        await app.store.resume(run.workflow_id)

        view = await desk.serve(run, is_over)

    assert (view.status, view.reason) == (RunStatus.WAITING, WaitReason.TAMPERED)
    assert "retry: nobody has signed" in view.steps[-1].errors[-1].message


EDITS = {
    "who": ("UPDATE deeds SET by = 'eve' " + OF_RUN, "deed signal"),
    "what": ("UPDATE deeds SET arguments = '{{}}' " + OF_RUN, "deed signal"),
    "its signature": ("UPDATE deeds SET jws = replace(jws, '..', '..A') " + OF_RUN, "deed signal"),
    "an end": ("UPDATE workflow_runs SET status = 'terminated' " + OF_RUN, "run"),
    "a cancel": ("UPDATE workflow_runs SET status = 'cancelled' " + OF_RUN, "run"),
}


@pytest.mark.parametrize(("edit", "link"), EDITS.values(), ids=EDITS)
async def test_an_audit_names_what_was_edited_of_it(desk: Desk, edit: str, link: str):
    desk.mended = True
    run = await desk.dispatch()
    await desk.serve(run, waits)
    async with desk.app() as app:
        await app.run(run.workflow_id).signal("approved", "yes")
    await desk.serve(run, is_over)
    desk.database.edit(edit, run=run.workflow_id)

    found = await desk.audit(run)

    assert found.broken is not None
    assert (found.verdict, found.broken.link) == ("broken", link)


async def test_without_signing_who_did_what_is_kept_all_the_same(tmp_path: Path):
    settings = Settings(store=f"sqlite:///{tmp_path}/paigeant.db")
    async with Paigeant(ActivityRegistry(), settings=settings) as app:
        with acting("ann", via="cli"):
            await app.administration.drop_dead_letters()
            async for _ in app.administration.prune("30d"):
                pass

        deeds = await app.administration.list_deeds()

    assert [(deed.verb, deed.by, deed.signed) for deed in deeds] == [
        ("dead-drop", "ann", False),
        ("prune", "ann", False),
    ]


async def follow(desk: Desk) -> Run[Any]:
    """Return a run that has followed a signal at its position 2, and a retry at 3."""
    run = await desk.dispatch()
    await desk.serve(run, waits)
    async with desk.app() as app:
        await app.run(run.workflow_id).signal("approved", "yes")
        await desk.serve(run, is_over)
        desk.mended = True
        await app.run(run.workflow_id).retry()
        view = await desk.serve(run, is_over)
    assert view.status is RunStatus.COMPLETED
    return run


@pytest.mark.parametrize(("verb", "position"), [("signal", 2), ("retry", 3)])
async def test_an_audit_misses_what_somebody_did_and_a_hop_has_followed(desk: Desk, verb: str, position: int):
    run = await follow(desk)

    desk.database.edit(f"DELETE FROM deeds {OF_RUN} AND verb = '{verb}'", run=run.workflow_id)

    broken = (await desk.audit(run)).broken
    assert (broken.position, broken.link) == (position, "because")


OTHER: Final = {
    **dict.fromkeys(["verb", "by", "via", "arguments", "text", "jws"], "'x'"),
    "deed_id": "'01890000000070008000000000000001'",
    "namespace": "'other'",
    "workflow_id": "(SELECT max(workflow_id) FROM workflow_runs)",
    "at": "at - 3600",
}
"""Of each column of a deed another value, as SQL."""


@pytest.mark.parametrize("column", deeds.columns.keys())
async def test_an_audit_finds_whatever_column_is_edited_of_a_deed_that_was_followed(desk: Desk, column: str):
    """Of a retry, when it was stored counts too: what failed later, nobody has retried."""
    run, _ = await follow(desk), await desk.dispatch()
    edit = f"UPDATE deeds SET \"{column}\" = {OTHER[column]} {OF_RUN} AND verb = 'retry'"

    desk.database.edit(edit, run=run.workflow_id)

    broken = (await desk.audit(run)).broken
    expected = (3, "because") if column in {"namespace", "workflow_id"} else (3, "retry") if column == "at" else None
    assert broken is not None
    if expected is None:
        assert (broken.position, broken.link) == (0, "deed x" if column == "verb" else "deed retry")
    else:
        assert (broken.position, broken.link) == expected
