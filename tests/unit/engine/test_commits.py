"""The last hop of a run, after which no message is sealed, is attested by the codec, and the store keeps that."""

from __future__ import annotations

from typing import Any

import pytest

from paigeant import RetryPolicy, RunStatus
from paigeant.engine.upkeep.closer import close_due
from paigeant.model.hops import Leased
from paigeant.model.runs import CancelRequest
from paigeant.model.transition import Transition
from paigeant.security.plain import PlainCodec


class AttestingCodec(PlainCodec):
    """A codec that says of what it attests which hop it was, and how the run ended."""

    def attest(self, leased: Leased, transition: Transition) -> bytes | None:
        assert transition.end is not None
        return f"{leased.message.topic} {leased.message.headers.direction}: {transition.end.status}".encode()


@pytest.fixture
def attesting(both: Any) -> Any:
    both.codec = AttestingCodec()

    @both.registry.execute
    async def pay() -> None: ...

    @both.registry.compensate("pay")
    async def refund() -> None: ...

    @both.registry.execute(retry=RetryPolicy(max_attempts=2, initial_delay=0.01))
    async def fail() -> None:
        raise RuntimeError("no")

    return both


@pytest.mark.parametrize(
    ("steps", "attested"),
    [
        (["pay"], "pay execute: completed"),
        (["pay", "pay"], "pay execute: completed"),
        (["fail"], "fail execute: failed"),
        (["pay", "fail"], "pay compensate: compensated"),
    ],
)
async def test_the_hop_that_ends_a_run_is_attested(attesting: Any, steps: list[str], attested: str):
    await attesting.serve()
    run = await attesting.start(*steps)
    await attesting.until(run)

    assert await attesting.steady.get_attestation(run) == attested.encode()


async def test_a_run_that_is_ended_without_its_step_is_attested_by_whoever_ends_it(attesting: Any):
    run = await attesting.start("pay")
    await attesting.steady.request_cancel(run, CancelRequest.PLAIN)

    await close_due(attesting.runtime())

    assert (await attesting.view(run)).status is RunStatus.CANCELLED
    assert await attesting.steady.get_attestation(run) == b"pay execute: cancelled"


async def test_where_nothing_is_signed_nothing_is_attested(attesting: Any):
    attesting.codec = PlainCodec()
    await attesting.serve()
    run = await attesting.start("pay")
    await attesting.until(run)

    assert await attesting.steady.get_attestation(run) is None
