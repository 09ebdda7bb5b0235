"""A hop whose row and message are of different steps is executed by nobody, over a broker as without one."""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID, uuid4

import pytest

from paigeant import RunStatus
from paigeant.model.runs import CancelRequest, StepStatus, WaitReason
from paigeant.stores.memory.tables.hops import HopRow
from paigeant.testing.waiting import eventually


def hop_of(bench: Any, run: UUID) -> HopRow:
    [hop] = bench.steady._rows.hops[run].values()
    return hop


async def second_hop(bench: Any, run: UUID) -> HopRow | None:
    return next((hop for hop in bench.steady._rows.hops[run].values() if hop.position > 1), None)


async def reported(bench: Any, text: str) -> bool:
    return any(text in trouble for trouble in bench.hooks.troubles())


def another_step_id(hop: HopRow, other: HopRow) -> None:
    del other
    hop.step_id = uuid4()


def another_message(hop: HopRow, other: HopRow) -> None:
    hop.body, hop.digest = other.body, other.digest


def other_bytes(hop: HopRow, other: HopRow) -> None:
    hop.body = other.body


def garbled_bytes(hop: HopRow, other: HopRow) -> None:
    del other
    hop.body = b"no message of ours"


@pytest.mark.parametrize("edit", [another_step_id, another_message, other_bytes, garbled_bytes])
async def test_it_is_held_and_told_of(both: Any, edit: Any):
    ran: list[str] = []

    @both.registry.execute
    async def step(payload: str) -> None:
        ran.append(payload)

    run, other = await both.start("step", payload=b'"mine"'), await both.start("step", payload=b'"another"')
    edit(hop_of(both, run), hop_of(both, other))
    await both.serve()

    view = await both.until(run, RunStatus.WAITING, within=20)
    await both.until(other, within=20)

    assert view.reason == WaitReason.TAMPERED
    assert view.steps[0].status is StepStatus.WAITING
    assert ran == ["another"]
    await eventually(lambda: reported(both, "which is tampered"), within=20)


async def test_it_runs_once_that_it_is_mended(both: Any):
    @both.registry.execute
    async def step() -> str:
        return "done"

    run = await both.start("step")
    hop = hop_of(both, run)
    digest, hop.digest = hop.digest, hashlib.sha256(b"another").digest()
    await both.serve()
    await both.until(run, RunStatus.WAITING, within=20)

    hop.digest = digest
    await both.steady.resume(run)

    assert (await both.until(run, within=20)).status is RunStatus.COMPLETED


@pytest.mark.parametrize("cancel_request", CancelRequest)
async def test_a_run_past_its_first_step_says_that_nothing_was_undone(bench: Any, cancel_request: CancelRequest):
    """What would have to be undone stands in the message that nobody believes."""

    @bench.registry.execute
    async def first() -> None: ...

    @bench.registry.compensate("first")
    async def undo() -> None: ...

    @bench.registry.execute
    async def second() -> None: ...

    run = await bench.start("first", "second")
    await bench.serve(topics=("first",))
    hop = await eventually(lambda: second_hop(bench, run), within=20)
    assert hop is not None
    hop.step_id = uuid4()

    await bench.steady.request_cancel(run, cancel_request)

    view = await bench.until(run, within=20)
    assert view.error is not None
    assert "the message of position 2 was tampered with" in view.error.message
    plain = cancel_request is CancelRequest.PLAIN
    assert view.status is (RunStatus.CANCELLED if plain else RunStatus.COMPENSATION_FAILED)
    assert ("nothing was undone" in view.error.message) is not plain
