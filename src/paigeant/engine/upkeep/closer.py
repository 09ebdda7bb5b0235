"""Closer: ends runs without running their step: past the deadline, or to be cancelled while nobody runs them.

Any worker can do it, and so can the process that requests the cancel: it needs the decision only, not the activity.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Final
from uuid import UUID

from paigeant.activities.faults import describe
from paigeant.engine.commits import Beside, commit_outcome, commit_transition
from paigeant.engine.custody.recorded import StepNotes, notes_of
from paigeant.engine.flow.nodes import decide_others
from paigeant.engine.grants import complete, end_or_hold, open_grant, run_ended
from paigeant.engine.publisher import announce
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected, Unavailable
from paigeant.model.entries.entry import FLOW
from paigeant.model.events import RunEnded
from paigeant.model.fan.outcomes import AnyOutcome
from paigeant.model.hops import Commit, Grant, HopKey, Leased, Verdict
from paigeant.model.message import Headers
from paigeant.model.people.deeds import Deed
from paigeant.model.plan import ActivityCard
from paigeant.model.runs import RunStatus, RunView
from paigeant.model.stored.claims import Overdue
from paigeant.model.values.values import Blob
from paigeant.protocol import proof
from paigeant.routing.admit import has_begun
from paigeant.routing.close import close
from paigeant.routing.fail import fail_internally

LIMIT: Final = 100
"""Hops in one claim."""

ROUNDS: Final = 20
"""Number of claims by the process that requests an end: nodes nest five deep, and workers do the rest."""

REPORTED: Final = 1_000
"""Limit of reported runs when one is terminated with its child runs."""


async def close_due(runtime: Runtime) -> int:
    """End, or turn round, the runs that are due for it; returns the number of hops found."""
    grants = await runtime.store.claim(runtime.owner, Overdue(), LIMIT, runtime.lease)
    if not grants:
        return 0
    cards = await _cards_of_others(runtime, grants)
    closing = [await _closing(runtime, grant, cards) for grant in grants]
    answers = await runtime.store.record_step_result([commit for commit, _ in closing], runtime.lease)
    for grant, (commit, headers), answer in zip(grants, closing, answers, strict=True):
        if answer.verdict is not Verdict.OK:
            continue
        await announce(runtime, *(twin.sealed for twin in commit.due), *answer.freed)
        end = commit.transition.end
        if end is not None and runtime.hooks.wants(RunEnded):
            runtime.report(run_ended(runtime, grant, end.status, headers))
    return len(grants)


async def close_run(runtime: Runtime, workflow_id: UUID) -> RunStatus:
    """End a run as far as nobody runs it, its branches and then their nodes; returns its status."""
    for _ in range(ROUNDS):
        found = await close_due(runtime)
        if not found or (await runtime.store.get_status(workflow_id)).final:
            break
    return await runtime.store.get_status(workflow_id)


async def terminate_run(runtime: Runtime, workflow_id: UUID, deed: Deed) -> RunStatus:
    """End a run, with its child runs, and report their ends to the hooks; returns its status.

    Reported data must be read before: the messages are deleted with the end of a run. Up to :data:`REPORTED` runs are
    reported.
    """
    told = await _open_runs(runtime, workflow_id)
    ended = set(await runtime.store.terminate(workflow_id, deed=deed))
    status = RunStatus.TERMINATED if ended else await runtime.store.get_status(workflow_id)
    if ended.intersection(view.workflow_id for view, _ in told):
        at = (await runtime.store.get_run(workflow_id)).completed_at
        for view, headers in told:
            if view.workflow_id in ended:  # else another process ended it meanwhile, and reports it
                seconds = None if at is None else (at - view.created_at).total_seconds()
                runtime.report(RunEnded(runtime.owner, view.workflow_id, status, headers, seconds))
    return status


async def _open_runs(runtime: Runtime, workflow_id: UUID) -> Sequence[tuple[RunView, Headers | None]]:
    """Return a run and its open child runs, with the headers of the newest message; none if no hook wants them."""
    found: list[tuple[RunView, Headers | None]] = []
    waiting = [workflow_id] if runtime.hooks.wants(RunEnded) else []
    while waiting and len(found) < REPORTED:
        view = await runtime.store.get_run(waiting.pop(0))
        if not view.status.final:
            found.append((view, await _headers(runtime, view)))
            waiting.extend(child.workflow_id for child in view.children if child.ended is None)
    return found


async def _headers(runtime: Runtime, view: RunView) -> Headers | None:
    for hop in reversed(view.journey):
        body = await runtime.store.get_message(HopKey(view.workflow_id, hop.path, hop.position))
        if body:
            with suppress(MessageRejected):
                return runtime.codec.open(body).message.headers
    return None


async def _cards_of_others(runtime: Runtime, grants: Sequence[Grant]) -> Mapping[str, ActivityCard]:
    """Return the cards of activities that are not served here: they contain their compensations."""
    foreign = {grant.topic for grant in grants if has_begun(grant) and grant.topic not in runtime.registry}
    return await runtime.store.find_cards(foreign) if foreign else {}


async def _outcome(runtime: Runtime, leased: Leased) -> tuple[AnyOutcome, list[Blob]]:
    """Return the outcome of a hop that is to end. For a node it follows from its branches or its child run."""
    decided = await decide_others(runtime, leased) if leased.grant.topic == FLOW else None
    if decided is not None:
        return decided
    return close(leased, begun=has_begun(leased.grant)), []


async def _closing(runtime: Runtime, grant: Grant, cards: Mapping[str, ActivityCard]) -> tuple[Commit, Headers | None]:
    try:
        leased = await complete(runtime, open_grant(runtime, grant))
        proof.require_end(grant)
        if grant.topic in cards:
            leased = replace(leased, undo=cards[grant.topic].undo)
        outcome, blobs = await _outcome(runtime, leased)
        beside = Beside(blobs=blobs, closed=True, notes=await notes_of(runtime, leased, StepNotes()))
        return commit_outcome(runtime, leased, outcome, beside), leased.message.headers
    except MessageRejected as error:
        return commit_transition(runtime, grant, await end_or_hold(runtime, grant, error)), None
    except Unavailable:
        raise  # the leases expire, and the hops are claimed again
    except Exception as error:  # noqa: BLE001  (of a codec that is broken: it must not keep other runs from ending)
        runtime.trouble(f"ending the run of {grant.key.message_id}", error)
        chance = runtime.chance()
        held = fail_internally(grant, None, describe(error), begun=has_begun(grant), chance=chance)
        return commit_transition(runtime, grant, held), None
