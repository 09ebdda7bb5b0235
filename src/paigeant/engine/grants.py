"""Grants: leases from the store, opened, verified, and used only while they certainly hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import Any, Final

from paigeant.engine.custody.adoption import adopt_tree
from paigeant.engine.custody.keys import load_records, meet_signers, signatures_of
from paigeant.engine.custody.plans import judge_plans, with_its_plan, with_plan
from paigeant.engine.runtime import Runtime
from paigeant.errors import ExpiredRun, MessageRejected, TamperedMessage, UnsignedDeed, UnsignedRun, reason_of
from paigeant.model.checks.findings import Finding
from paigeant.model.events import LeaseGranted, MessageHeld, Noticed, RunEnded
from paigeant.model.hops import Grant, Leased, Verifier
from paigeant.model.message import Headers, RunHeaders
from paigeant.model.people.approvals import Answered, ApprovalStatus
from paigeant.model.people.deeds import StoredDeed
from paigeant.model.plan import Undo
from paigeant.model.runs import CancelRequest, RunStatus
from paigeant.model.transition import Transition
from paigeant.model.values.values import Value
from paigeant.protocol import proof
from paigeant.routing.close import close_unread, unreadable

_CONFIGURE: Final = (
    "configure keys with PAIGEANT_SIGNING_KEY and PAIGEANT_TRUST: then a person adopts what began before"
)


def margin(runtime: Runtime) -> float:
    """Return the number of seconds after the request for which a lease can be relied on."""
    return runtime.lease.total_seconds() * 5 / 6


async def still_held(runtime: Runtime, grants: Sequence[Grant], asked_at: float) -> tuple[list[Grant], float]:
    """Return those of new leases that can be relied on, and the time from which they count.

    An answer may stay unread for long while a step blocks the event loop. Leases that may have expired by then are
    renewed, before this worker's own next claim gets the same hops again. Raises Unavailable.
    """
    held = list(grants)
    if grants and runtime.clock() >= asked_at + margin(runtime):
        asked_at = runtime.clock()
        pulses = await runtime.store.beat([grant.held for grant in grants], runtime.lease)
        held = [grant for grant, pulse in zip(grants, pulses, strict=True) if pulse.alive]
    if runtime.hooks.wants(LeaseGranted):
        for grant in held:
            runtime.report(LeaseGranted(runtime.owner, grant))
    return held, asked_at


def run_ended(
    runtime: Runtime, last: Grant, status: RunStatus, headers: Headers | None, seconds: float = 0.0
) -> RunEnded:
    """Return the event of a run that ended with its ``last`` hop, which took ``seconds``.

    A run began at the time in its id, a UUIDv7; the last hop was leased by the store's clock.
    """
    began = (last.key.workflow_id.int >> 80) / 1000
    lasted = max(last.leased_at.timestamp() + seconds - began, 0.0)
    return RunEnded(runtime.owner, last.key.workflow_id, status, headers, lasted)


def open_grant(runtime: Runtime, grant: Grant) -> Leased:
    """Return the step of a grant, after checking that its row and its message agree.

    A step whose plan is not known here is returned without it, for :func:`complete`, which then compares its message.
    Raises :class:`~paigeant.errors.MessageRejected` for bytes that cannot be parsed, and
    :class:`~paigeant.errors.TamperedMessage` for those of another hop.
    """
    proof.require_intact(grant)
    if grant.head is not None and not runtime.codec.signs:  # the next hop would be left unsigned here
        raise MessageRejected("its run is signed, and signing is off here")
    message, record = runtime.codec.open(grant.body)
    plan = None if message.missing_plan is None else runtime.plans.find(message.missing_plan)
    if plan is not None:
        message = with_plan(message, plan)
    if message.missing_plan is None:
        proof.require_same(grant, message)
    first = grant.key.position == 1 and not grant.key.path
    begins = first and grant.fence == 1 and not grant.edited  # under a later lease a signal may have set a variable
    codec = runtime.codec
    known: dict[str, Value] | None = {} if begins else None
    judging: dict[str, Any] = {"judged": not codec.signs, "verify": verifier_of(runtime)}
    return Leased(grant, message, undo_of(runtime, grant.topic), record=record, variables=known, **judging)


async def complete(runtime: Runtime, leased: Leased) -> Leased:
    """Return an opened step with its plan, loaded from the store if necessary, compared and verified.

    Raises the errors of :func:`open_grant`, also for a plan that is missing or altered, and Unavailable.
    """
    if leased.message.missing_plan is not None:
        message = await with_its_plan(runtime, leased.message)
        proof.require_same(leased.grant, message)
        leased = replace(leased, message=message)
    return leased if leased.judged else await _judged(runtime, leased)


async def _judged(runtime: Runtime, leased: Leased) -> Leased:
    """Verify a step; the records of its run are loaded if necessary."""
    codec, run = runtime.codec, leased.grant.key.workflow_id
    leased = codec.recall(leased)
    records = await runtime.store.load_records(run) if codec.needs_records(leased) else ()
    await meet_signers(runtime, signatures_of(records, leased=leased))
    try:
        codec.judge(leased, records)
    except UnsignedRun:
        if not codec.adopts:
            raise
        leased = await _adopted(runtime, leased)
    except (UnsignedDeed, ExpiredRun):
        await _learn(runtime, leased)
        codec.judge(leased, records or await load_records(runtime, run))
    await judge_plans(runtime, leased)
    return replace(leased, judged=True)


async def _learn(runtime: Runtime, leased: Leased) -> None:
    """Give the codec the deeds to a run, and the records of the runs that contain it, whose end may have ended it."""
    run, grant = leased.message.headers.run, leased.grant
    runtime.codec.learn_deeds(leased, await load_deeds(runtime, run))
    if grant.cancel is CancelRequest.BRANCH and run.parents:
        runtime.codec.learn_parents(leased, {each: await load_records(runtime, each) for each in run.parents})


async def require_signed(runtime: Runtime, leased: Leased, asked: CancelRequest) -> None:
    """Verify that a request to end a running hop was signed; raises TamperedMessage, UnknownKey, Unavailable."""
    if runtime.codec.signs and leased.head is not None:
        await _judged(runtime, replace(leased, grant=replace(leased.grant, cancel=asked)))


async def _adopted(runtime: Runtime, leased: Leased) -> Leased:
    """Return a step of an unsigned run, adopted together with its whole tree: development keys do that."""
    run = leased.message.headers.run
    if await adopt_tree(runtime, run.root, leased=True):
        text = f"run {run.workflow_id} began unsigned, and was adopted: keys of development vouch for it"
        runtime.report(Noticed(runtime.owner, Finding.warning("custody", text, _CONFIGURE)))
    records = await runtime.store.load_records(run.workflow_id)
    if not records:
        raise UnsignedRun("it is not signed, and signing is on here")
    leased = replace(leased, grant=replace(leased.grant, head=records[0].record.digest))
    runtime.codec.judge(leased, records)
    return leased


async def load_deeds(runtime: Runtime, run: RunHeaders) -> list[StoredDeed]:
    """Return the deeds to a run, and to the runs that contain it, since their end ends it.

    Their signing keys are looked up. Raises Unavailable.
    """
    runs = (*run.parents, run.workflow_id)
    deeds = [deed for each in runs for deed in await runtime.store.load_deeds(each)]
    await meet_signers(runtime, signatures_of((), deeds))
    return deeds


def verifier_of(runtime: Runtime) -> Verifier | None:
    """Return the verifier of a hop's variables, None where nothing is signed."""
    return partial(_verify, runtime) if runtime.codec.signs else None


async def _verify(runtime: Runtime, leased: Leased, values: Mapping[str, Value], asked: Collection[str] | None) -> None:
    await with_deeds(runtime, leased, lambda: runtime.codec.judge_variables(leased, values, asked))


async def require_answers(runtime: Runtime, leased: Leased, answers: Mapping[str, Answered]) -> None:
    """Verify answers of people; raises TamperedMessage, and Unavailable."""
    for key, answer in answers.items():
        if answer.status is ApprovalStatus.UNREADABLE:
            raise TamperedMessage(f"position {leased.grant.key.position}, approval {key!r}: its status is none")
    await with_deeds(runtime, leased, lambda: runtime.codec.judge_answers(leased, answers))


async def with_deeds(runtime: Runtime, leased: Leased, judge: Callable[[], None]) -> None:
    """Run a verification, and once more with the deeds to the run if it needs them.

    Raises the error of the second run, and Unavailable.
    """
    try:
        judge()
    except UnsignedDeed:
        runtime.codec.learn_deeds(leased, await load_deeds(runtime, leased.message.headers.run))
        judge()


def undo_of(runtime: Runtime, topic: str) -> Undo:
    """Return the compensation of this topic, as far as it is registered here."""
    return runtime.registry[topic].undo if topic in runtime.registry else Undo.NEVER


async def end_or_hold(runtime: Runtime, grant: Grant, error: MessageRejected) -> Transition:
    """Return the transition of a hop whose message cannot be read or verified; a hold is reported.

    If its run is to end, and that was signed or follows from signed data, the hop ends. Otherwise it is held, as if
    there were no request. The worker that leases it decides: a held hop is not leased again to be ended. Raises
    Unavailable.
    """
    if proof.is_to_end(grant) and not isinstance(error, UnsignedDeed):  # else no permitted person has requested it
        with suppress(MessageRejected):
            if runtime.codec.signs:
                run = grant.key.workflow_id
                records, deeds = await load_records(runtime, run), await runtime.store.load_deeds(run)
                await meet_signers(runtime, signatures_of((), deeds))
                runtime.codec.judge_end(grant, records, deeds)
            return close_unread(grant, error)
    runtime.report(MessageHeld(runtime.owner, grant, reason_of(error), error))
    return unreadable(error)
