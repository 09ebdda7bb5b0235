"""What is signed of a run: one record a hop, each following the one before, written with what it is of."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from pydantic_core import from_json

from paigeant import RetryPolicy, RunStatus
from paigeant.engine.upkeep.closer import close_due
from paigeant.model.people.deeds import DeedTerms, DeedVerb
from paigeant.model.runs import CancelRequest
from paigeant.security.plain import PlainCodec
from paigeant.security.signed import SignedCodec


@pytest.fixture
def signing(both: Any) -> Any:
    both.codec = SignedCodec()

    @both.registry.execute
    async def pay() -> str:
        return "paid"

    @both.registry.compensate("pay")
    async def refund() -> None: ...

    @both.registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async def fail() -> None:
        raise RuntimeError("no")

    return both


async def records(engine: Any, run: UUID) -> list[dict[str, Any]]:
    """Return the records of a run; each names the one before."""
    found = [each.record for each in await engine.steady.load_records(run)]
    texts = [from_json(record.text) for record in found]
    assert [text["prev"] for text in texts] == [None, *(record.digest for record in found[:-1])]
    return texts


@pytest.mark.parametrize(
    ("steps", "left"),
    [
        (["pay"], ["pay execute completed"]),
        (["pay", "pay"], ["pay execute completed", "pay execute completed"]),
        (["fail"], ["fail execute failed"]),
        (["pay", "fail"], ["pay execute completed", "fail execute failed", "pay compensate completed"]),
    ],
)
async def test_each_hop_that_is_left_leaves_one_record(signing: Any, steps: list[str], left: list[str]):
    await signing.serve()
    run = await signing.start(*steps)
    await signing.until(run)

    dispatch, *hops = await records(signing, run)
    assert (dispatch["k"], dispatch["n"], dispatch["aud"]) == ("dispatch", 0, "default")
    assert [f"{hop['step']} {hop['dir']} {hop['status']}" for hop in hops] == left
    assert [hop["n"] for hop in hops] == list(range(1, len(left) + 1))
    assert hops[-1]["run"] == (await signing.view(run)).status
    assert [hop["run"] for hop in hops[:-1]] == [None] * (len(left) - 1)


async def test_a_run_that_is_ended_without_its_step_is_signed_by_whoever_ends_it(signing: Any):
    run = await signing.start("pay")
    deed = signing.codec.attest(DeedTerms(DeedVerb.CANCEL, run, "ann", "cli", {"compensate": False}))
    await signing.steady.request_cancel(run, CancelRequest.PLAIN, deed=deed)

    await close_due(signing.runtime())

    assert (await signing.view(run)).status is RunStatus.CANCELLED
    [_, close] = await records(signing, run)
    assert (close["k"], close["step"], close["run"]) == ("close", "pay", "cancelled")


async def test_where_nothing_is_signed_there_is_no_record(signing: Any):
    signing.codec = PlainCodec()
    await signing.serve()
    run = await signing.start("pay")
    await signing.until(run)

    assert await signing.steady.load_records(run) == []


async def test_a_run_that_began_unsigned_is_signed_once_a_worker_with_keys_of_development_has_adopted_it(signing: Any):
    signing.codec = PlainCodec()
    run = await signing.start("pay", "pay")
    signing.codec = SignedCodec()
    await signing.serve()
    await signing.until(run)

    adopted, *hops = await records(signing, run)
    assert (adopted["k"], adopted["n"]) == ("adopt", 0)
    assert [(hop["k"], hop["n"], hop["step"]) for hop in hops] == [("hop", 1, "pay"), ("hop", 2, "pay")]
