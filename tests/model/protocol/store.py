"""What one transaction of the store does. Each function takes a run as it is and returns it as it is afterwards."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from paigeant.model.hops import Verdict
from paigeant.model.runs import CancelRequest, RunStatus, StepStatus
from tests.model.protocol.deciding import Decision, decide
from tests.model.protocol.nouns import INTERRUPTED, NOBODY, PARKED, PENDING, Commit, Due, Grant, Hop, Run, Setting

RESUMABLE = frozenset({RunStatus.FAILED, RunStatus.COMPENSATION_FAILED, RunStatus.WAITING})


class CommitResult(NamedTuple):
    """The answer to a commit."""

    verdict: Verdict
    moved: Grant | None = None


def change(run: Run, position: int, hop: Hop) -> Run:
    """Return the run with another hop at this position."""
    return run._replace(hops=(*run.hops[: position - 1], hop, *run.hops[position:]))


def holds_suspect(runs: Iterable[Run], owner: int) -> bool:
    """An owner is given one suspect at a time."""
    return any(
        hop.owner == owner and hop.pending and hop.due is not Due.NOW and hop.interruptions >= 2
        for run in runs
        for hop in run.hops
    )


def may_lease(runs: tuple[Run, ...], owner: int, hop: Hop, setting: Setting) -> bool:
    """A twin is leased when it is due, and not to who holds another suspect if it is one itself."""
    if not hop.pending or hop.due is not Due.NOW:
        return False
    return not hop.suspect or "suspects run alone" in setting.without or not holds_suspect(runs, owner)


def may_close(run: Run, hop: Hop) -> bool:
    """A hop on the way forward of a run that is to end, and that nobody runs, is leased though it may not be due."""
    unleased = hop.owner == NOBODY or hop.due is Due.NOW
    return hop.pending and not hop.hidden and not hop.back and unleased and (run.cancel_request is not None or run.late)


def lease(
    number: int, run: Run, position: int, owner: int, setting: Setting, *, closing: bool = False
) -> tuple[Run, Grant]:
    """Give a lease: the fence rises, the attempt is counted, before any code runs."""
    hop = run.hops[position - 1]
    unfenced = "fence of a lease" in setting.without or (closing and "fence of a closing" in setting.without)
    interrupted = hop.owner != NOBODY and "interruption" not in setting.without
    taken = hop._replace(
        status=StepStatus.RUNNING,
        due=Due.LATER,
        owner=owner,
        fence=hop.fence + (not unfenced),
        attempt=hop.attempt + ("attempt" not in setting.without),
        interruptions=min(hop.interruptions + interrupted, 2),
        leases=hop.leases + 1,
        wished=run.cancel_request is not None,
    )
    cancel_request = None if "wish at the lease" in setting.without else run.cancel_request
    grant = Grant(number, position, taken.leases, taken.fence, taken.attempt, interrupted, cancel_request, run.late)
    return change(run, position, taken)._replace(status=RunStatus.RUNNING), grant


def is_held(run: Run, grant: Grant) -> bool:
    """The fence shown is that of the lease that nobody has taken over yet."""
    hop = run.hops[grant.position - 1]
    return hop.leased and hop.fence == grant.fence


def beat(run: Run, grant: Grant) -> tuple[Run, bool, CancelRequest | None]:
    """Renew a lease; one that ran out and that nobody took over lives again."""
    if not is_held(run, grant):
        return run, False, run.cancel_request
    hop = run.hops[grant.position - 1]
    return change(run, grant.position, hop._replace(due=Due.LATER)), True, run.cancel_request


def release(run: Run, grant: Grant, setting: Setting) -> Run:
    """Give a lease back unused: due at once, and no attempt."""
    if not is_held(run, grant):
        return run
    hop = run.hops[grant.position - 1]
    back = _put_back(hop, StepStatus.PENDING, Due.NOW, raises="fence of a release" not in setting.without)
    return change(run, grant.position, back._replace(attempt=hop.attempt - 1, tries=hop.tries - hop.loose, loose=False))


def _put_back(hop: Hop, status: StepStatus, due: Due, *, raises: bool) -> Hop:
    return hop._replace(status=status, due=due, owner=NOBODY, fence=hop.fence + raises)


def judge(run: Run, grant: Grant, commit: Commit, setting: Setting) -> Verdict:
    """Say what becomes of a commit, in the transaction that would write it."""
    hop, without = run.hops[grant.position - 1], setting.without
    if hop.committed_by == grant.lease and "execution" not in without:
        return Verdict.ALREADY
    if run.status.final and "status" not in without:
        return Verdict.CLOSED
    if not hop.leased and "pending" not in without:
        return Verdict.FENCED
    if hop.fence != grant.fence and "fence" not in without:
        return Verdict.FENCED
    done = any((one.step, one.back, one.status) == (hop.step, hop.back, StepStatus.COMPLETED) for one in run.hops)
    if done and commit.outcome.name == "completed" and "once" not in without:
        return Verdict.FENCED
    return Verdict.OK


def commit(run: Run, grant: Grant, made: Commit, owner: int, setting: Setting) -> tuple[Run, CommitResult]:
    """Commit one hop whole, or not at all."""
    verdict = judge(run, grant, made, setting)
    if verdict is Verdict.OK:
        run, moved = write(run, grant, made, owner, setting)
        return run, CommitResult(verdict, moved)
    if verdict is Verdict.ALREADY:
        return run, CommitResult(verdict, _moved_before(run, grant, made, owner, setting))
    following = decide(setting.plan, run, grant.position, made.outcome).next
    if "whole" in setting.without and following is not None:  # torn: what was refused has written its twin all the same
        run = run._replace(hops=(*run.hops, following))
    return run, CommitResult(verdict)


def write(run: Run, grant: Grant, made: Commit, owner: int, setting: Setting) -> tuple[Run, Grant | None]:
    """Write a commit that was found good: the hop, the next twin, and where the run stands."""
    hop = run.hops[grant.position - 1]
    decision = decide(setting.plan, run, grant.position, made.outcome)
    left = _hold if decision.status in PENDING else _leave
    hop = left(hop, decision, made, setting)._replace(committed_by=grant.lease)
    run = change(run, grant.position, hop)
    moved = None
    if decision.next is not None:
        run, moved = _add(run, grant, decision.next, owner if made.moves else None, setting)
    return move(run, decision.run, setting), moved


def _hold(hop: Hop, decision: Decision, made: Commit, setting: Setting) -> Hop:
    """The twin stays, due later; no attempt if it waits."""
    waits = decision.status is StepStatus.WAITING
    due = Due.RESUMED if waits else Due.LATER
    held = _put_back(hop, decision.status, due, raises="fence of a retry" not in setting.without)
    return held._replace(
        attempt=hop.attempt - waits,
        interruptions=0,
        tries=hop.tries - (made.outcome == PARKED),
        loose=hop.loose and made.outcome == INTERRUPTED,
    )


def _leave(hop: Hop, decision: Decision, made: Commit, setting: Setting) -> Hop:
    """The hop is behind: its twin is gone."""
    del made, setting
    return hop._replace(status=decision.status, owner=NOBODY, due=Due.RESUMED, loose=False, undoable=decision.undoable)


def _add(run: Run, grant: Grant, twin: Hop, heir: int | None, setting: Setting) -> tuple[Run, Grant | None]:
    """Write the next twin, due at once, or leased to who committed if nobody wishes the run cancelled."""
    position = grant.position + 1
    run = run._replace(hops=(*run.hops[: position - 1], twin._replace(hidden="twin" in setting.without)))
    if heir is None or (run.cancel_request is not None and "wish at the hand-over" not in setting.without):
        return run, None
    run, moved = lease(grant.run, run, position, heir, setting)
    if "end of a lease handed over" in setting.without:
        run = change(run, position, run.hops[position - 1]._replace(due=Due.RESUMED))
    return run, moved._replace(cancel_request=None)


def _moved_before(run: Run, grant: Grant, made: Commit, owner: int, setting: Setting) -> Grant | None:
    """Return the grant whose answer was lost, if it is still as it was given."""
    if not made.moves or len(run.hops) <= grant.position:
        return None
    twin = run.hops[grant.position]
    as_given = twin.leased and (twin.owner, twin.fence) == (owner, 1)
    if not as_given and ("only as it was given" not in setting.without or not twin.leased):
        return None
    return Grant(
        grant.run,
        grant.position + 1,
        twin.leases,
        twin.fence,
        twin.attempt,
        cancel_request=run.cancel_request,
        late=run.late,
    )


def move(run: Run, status: RunStatus, setting: Setting) -> Run:
    """Change a run's status; a final one leaves no twin behind, and no lease on one."""
    if not status.final:
        return run._replace(status=status)
    raises = "fence of an end" not in setting.without
    ended = tuple(
        _put_back(hop, StepStatus.CANCELLED, Due.RESUMED, raises=raises) if hop.pending else hop for hop in run.hops
    )
    return run._replace(status=status, hops=ended)


def come_due(run: Run, position: int) -> Run:
    """A lease has run out, or the delay of a retry."""
    return change(run, position, run.hops[position - 1]._replace(due=Due.NOW))


def request_cancel(run: Run, cancel_request: CancelRequest) -> Run:
    """Note the wish, and make what nobody holds due."""
    if run.status.final:
        return run
    hops = (hop._replace(due=Due.NOW) if hop.pending and hop.owner == NOBODY else hop for hop in run.hops)
    return run._replace(cancel_request=cancel_request, hops=tuple(hops))


def terminate(run: Run, setting: Setting) -> Run:
    """End the run now."""
    return run if run.status.final else move(run, RunStatus.TERMINATED, setting)


def resume(run: Run) -> Run:
    """Make the step that failed, or that waits, due now, as if it had never been tried."""
    pending = [n for n, hop in enumerate(run.hops, 1) if hop.pending]
    failed = [n for n, hop in enumerate(run.hops, 1) if hop.status is StepStatus.FAILED]
    for position in pending or failed[-1:]:
        hop = run.hops[position - 1]
        if hop.owner == NOBODY:
            again = _put_back(hop, StepStatus.PENDING, Due.NOW, raises=True)
            run = change(run, position, again._replace(attempt=0, interruptions=0, tries=0, loose=False))
    if run.status is RunStatus.FAILED:
        run = run._replace(cancel_request=None, late=False)
    return run._replace(status=RunStatus.RUNNING)
