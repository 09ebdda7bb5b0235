"""What one transaction of the store does: it asks the real decisions, and carries out what they say on runs as values.

Each function takes a run as it is and returns it as it is afterwards. What is decided is not written here: that is
``paigeant.protocol``, which the real stores ask in the same way.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any, NamedTuple
from uuid import UUID

from paigeant.model import hops as real
from paigeant.model.hold import After, Now, Person
from paigeant.model.hold import Signal as AwaitedSignal
from paigeant.model.hops import LeaseToken, Verdict
from paigeant.model.message import HopKey
from paigeant.model.outcomes import FaultKind
from paigeant.model.runs import CancelRequest, Direction, RunStatus, StepStatus, WaitReason
from paigeant.model.spending.budgets import Amount, Budget
from paigeant.model.spending.charges import Charge
from paigeant.model.stored.checkpoints import Checkpoint
from paigeant.model.stored.signals import Receipt
from paigeant.model.transition import Done, Held, Left, Transition
from paigeant.model.values.values import NULL
from paigeant.protocol import holds, leases, operate, signals, verdict
from paigeant.protocol.calls import recorded
from paigeant.protocol.spending.budgets import BudgetState, amount_of
from paigeant.protocol.spending.room import Room, Wanted
from paigeant.testing.builders import FAULT
from tests.model.protocol.deciding import Decision, decide
from tests.model.protocol.nouns import (
    AWAITS,
    AWAITS_A_WHILE,
    GO,
    INTERRUPTED,
    LEASE,
    NOW,
    PARKED,
    Commit,
    Due,
    Grant,
    Hop,
    Run,
    Setting,
    Signal,
)

_SCOPE, _CALL = "the step's", Amount(0, 1)
"""What the one budget of a step is called, and what each of its calls comes to."""


class CommitResult(NamedTuple):
    """The answer to a commit."""

    verdict: Verdict
    moved: Grant | None = None


def change(run: Run, position: int, hop: Hop) -> Run:
    """Return the run with another hop at this position."""
    return run._replace(hops=(*run.hops[: position - 1], hop, *run.hops[position:]))


def written(hop: Hop, changes: NamedTuple) -> Hop:
    """Return the hop once this is written to it, as far as the model has the columns."""
    columns: dict[str, Any] = {name: getattr(changes, name) for name in _columns(type(changes))}
    if "due_at" in changes._fields:
        columns["due"] = Due.of(changes._asdict()["due_at"])
    if "interruptions" in columns:
        columns["interruptions"] = min(columns["interruptions"], 2)  # of more than two nobody asks
    return hop._replace(**columns)


@cache
def _columns(kind: type[NamedTuple]) -> tuple[str, ...]:
    return tuple(name for name in kind._fields if name in Hop._fields)


def may_lease(runs: tuple[Run, ...], owner: str, hop: Hop) -> bool:
    """A twin is leased when it is due, and not to who holds another suspect if it is one itself."""
    if not leases.is_due(hop, NOW):
        return False
    return not leases.is_suspect(hop) or bool(leases.choose_suspects([hop], holds_one=_holds_suspect(runs, owner)))


def _holds_suspect(runs: Iterable[Run], owner: str) -> bool:
    return any(leases.holds_suspect(hop, owner, NOW) for run in runs for hop in run.hops)


def may_close(run: Run, hop: Hop) -> bool:
    """A hop on the way forward of a run that is to end, and that nobody runs, is leased though it may not be due."""
    direction = Direction.COMPENSATE if hop.back else Direction.EXECUTE
    return not hop.hidden and leases.may_close(run, hop, direction, NOW)


def lease(
    number: int, run: Run, position: int, owner: str, setting: Setting, *, closing: bool = False
) -> tuple[Run, Grant]:
    """Give a lease: the fence rises, the attempt is counted, before any code runs."""
    hop = run.hops[position - 1]
    interrupted = leases.is_interrupted(hop)
    taken = written(hop, leases.take(hop, owner, NOW, LEASE))
    taken = taken._replace(leases=hop.leases + 1, requested=run.cancel_requested is not None)
    if closing and "fence of a closing" in setting.without:
        taken = taken._replace(fence=hop.fence)
    cancel_request = None if "cancel request at the lease" in setting.without else run.cancel_requested
    grant = Grant(number, position, taken.leases, taken.fence, taken.attempt, interrupted, cancel_request, run.late)
    return change(run, position, taken)._replace(status=RunStatus.RUNNING), grant


def is_held(run: Run, grant: Grant) -> bool:
    """The fence shown is that of the lease that nobody has taken over yet."""
    return leases.is_alive(run.hops[grant.position - 1], grant.fence)


def beat(run: Run, grant: Grant) -> tuple[Run, bool, CancelRequest | None]:
    """Renew a lease; one that ran out and that nobody took over lives again."""
    if not is_held(run, grant):
        return run, False, run.cancel_requested
    hop = run.hops[grant.position - 1]
    return change(run, grant.position, written(hop, leases.renew(NOW, LEASE))), True, run.cancel_requested


def release(run: Run, grant: Grant) -> Run:
    """Give a lease back unused: due at once, and no attempt."""
    if not is_held(run, grant):
        return run
    hop = run.hops[grant.position - 1]
    back = written(hop, leases.release(hop, NOW))
    return change(run, grant.position, back._replace(tries=hop.tries - hop.loose, loose=False))


def reserve(run: Run, grant: Grant, number: int, setting: Setting) -> Run:
    """Reserve room for a call that is about to be made, under its key: one that is made again finds its own."""
    hop = run.hops[grant.position - 1]
    if not is_held(run, grant):
        return run  # who makes the call all the same has no room of its own
    budget = Budget(tokens=setting.plan[hop.step].calls, per="step")
    room = Room(
        {_SCOPE: BudgetState(Amount(0, hop.spent))},
        {_SCOPE: Amount(0, len(hop.reserved))},
        {(each, _SCOPE): _CALL for each in hop.reserved if each == number},
    )
    refused = room.reserve(Wanted(number, [(budget, _SCOPE)], _CALL, {})) is not None
    kept = hop.reserved if "key of a reservation" in setting.without else tuple(n for n in hop.reserved if n != number)
    again = hop.again or number < len(hop.recorded)
    hop = hop._replace(reserved=(*kept, number), again=again, refused=hop.refused or refused)
    return change(run, grant.position, hop)


def record(run: Run, grant: Grant, number: int) -> tuple[Run, bool]:
    """Record a call and charge it, and give back what it had reserved; of one that is there the first counts."""
    hop = run.hops[grant.position - 1]
    if not is_held(run, grant):
        return run, False
    there = dict(enumerate(hop.recorded))
    mine = Checkpoint(str(number), str(grant.lease).encode())
    first = mine._replace(payload=str(there[number]).encode()) if number in there else None
    charges = recorded.uncharged([Charge(mine.key, "p", "m", input_tokens=1)], lambda key: int(key) in there)
    hop = hop._replace(
        reserved=tuple(n for n in hop.reserved if n != number),
        spent=hop.spent + sum(amount_of(charge).tokens for charge in charges),
        recorded=(*hop.recorded, grant.lease) if recorded.counting(mine, first) is mine else hop.recorded,
    )
    return change(run, grant.position, hop), True


def judge(run: Run, grant: Grant, commit: Commit) -> Verdict:
    """Say what becomes of a commit, in the transaction that would write it."""
    hop = run.hops[grant.position - 1]
    done = any((one.step, one.back, one.status) == (hop.step, hop.back, StepStatus.COMPLETED) for one in run.hops)
    completes = commit.outcome.name == "completed"
    return verdict.judge(run, hop, grant.fence, grant.lease, completes=completes, done=done)


def commit(run: Run, grant: Grant, made: Commit, owner: str, setting: Setting) -> tuple[Run, CommitResult]:
    """Commit one hop whole, or not at all."""
    judged = judge(run, grant, made)
    if judged is Verdict.OK:
        run, moved = write(run, grant, made, owner, setting)
        return run, CommitResult(judged, moved)
    if judged is Verdict.ALREADY:
        return run, CommitResult(judged, _moved_before(run, grant, made, owner))
    following = decide(setting.plan, run, grant.position, made.outcome).next
    if "whole" in setting.without and following is not None:  # torn: what was refused has written its twin all the same
        run = run._replace(hops=(*run.hops, following._replace(position=len(run.hops) + 1)))
    return run, CommitResult(judged)


def write(run: Run, grant: Grant, made: Commit, owner: str, setting: Setting) -> tuple[Run, Grant | None]:
    """Write a commit that was found good: the hop, the next twin, and where the run stands."""
    decision = decide(setting.plan, run, grant.position, made.outcome)
    hop = _commit_hop(run.hops[grant.position - 1], grant, decision, made)
    run = change(run, grant.position, hop._replace(committed_by=grant.lease))
    moved = None
    if decision.next is not None:
        run, moved = _add(run, grant, decision.next, owner if made.moves else None, setting)
    return _meet_kept(move(run, decision.run), grant.position), moved


def _commit_hop(hop: Hop, grant: Grant, decision: Decision, made: Commit) -> Hop:
    """Hold the hop until later, or leave it behind."""
    commit = _real_commit(decision.status, made.outcome.name, grant.position, grant.fence, grant.lease)
    match commit.transition.hop:
        case Held() as held:
            waits = made.outcome in {PARKED, AWAITS, AWAITS_A_WHILE}
            tries, loose = hop.tries - waits, hop.loose and made.outcome == INTERRUPTED
            return written(hop, holds.hold(hop, held, commit, NOW))._replace(tries=tries, loose=loose)
        case Left() as left:
            hop = written(hop, holds.leave(hop, left, commit, NOW))
            return hop._replace(loose=False, undoable=decision.undoable)


@cache
def _real_commit(status: StepStatus, outcome: str, position: int, fence: int, lease: int) -> real.Commit:
    """Return a commit that leaves its hop with this status, as the real functions take it."""
    match status:
        case StepStatus.WAITING if outcome == AWAITS.name:
            hop: Held | Left = Held(AwaitedSignal(GO))
        case StepStatus.WAITING if outcome == AWAITS_A_WHILE.name:
            hop = Held(AwaitedSignal(GO, LEASE.total_seconds()))
        case StepStatus.WAITING:
            hop = Held(Person(WaitReason.INTERRUPTED if outcome == INTERRUPTED.name else WaitReason.PARKED))
        case StepStatus.RETRYING:
            hop = Held(After(LEASE.total_seconds()), FAULT)
        case StepStatus.COMPLETED:
            hop = Left(Done(NULL))
        case StepStatus.CANCELLED:
            hop = Left(FAULT.model_copy(update={"kind": FaultKind.CANCELLED}))
        case _:
            hop = Left(FAULT)
    token = LeaseToken(HopKey(UUID(int=1), "", position), fence)
    return real.Commit(token, "", UUID(int=lease), Transition(hop))


def _add(run: Run, grant: Grant, twin: Hop, heir: str | None, setting: Setting) -> tuple[Run, Grant | None]:
    """Write the next twin, due at once, or leased to who committed if nobody has asked to cancel the run."""
    position = grant.position + 1
    twin = written(twin, holds.add(Now(), NOW))
    twin = twin._replace(position=position, hidden="twin" in setting.without)
    run = run._replace(hops=(*run.hops[: position - 1], twin))
    if heir is None or not verdict.may_hand_over(run):
        return run, None
    run, moved = lease(grant.run, run, position, heir, setting)
    if "end of a lease handed over" in setting.without:
        run = change(run, position, run.hops[position - 1]._replace(due=Due.RESUMED))
    return run, moved._replace(cancel_request=None)


def _moved_before(run: Run, grant: Grant, made: Commit, owner: str) -> Grant | None:
    """Return the grant whose answer was lost, if it is still as it was given."""
    if not made.moves or len(run.hops) <= grant.position:
        return None
    twin = run.hops[grant.position]
    if not verdict.is_as_given(twin, owner):
        return None
    return Grant(
        grant.run,
        grant.position + 1,
        twin.leases,
        twin.fence,
        twin.attempt,
        cancel_request=run.cancel_requested,
        late=run.late,
    )


def move(run: Run, status: RunStatus) -> Run:
    """Change a run's status; a final one leaves no twin behind, and no lease on one."""
    if not status.final:
        return run._replace(status=status)
    ended = tuple(written(hop, operate.abandon(hop, NOW)) if leases.is_open(hop) else hop for hop in run.hops)
    return run._replace(status=status, hops=ended)


def come_due(run: Run, position: int) -> Run:
    """A lease has run out, or the delay of a retry."""
    return change(run, position, run.hops[position - 1]._replace(due=Due.NOW))


def request_cancel(run: Run, request: CancelRequest) -> Run:
    """Note the request, and make what nobody holds due."""
    requested = operate.request_cancel(run, request, NOW)
    if requested is None:
        return run
    hops = (written(hop, operate.end_early(NOW)) if operate.may_end_early(hop) else hop for hop in run.hops)
    return run._replace(cancel_requested=requested.cancel_requested, hops=tuple(hops))


def terminate(run: Run) -> Run:
    """End the run now."""
    ended = operate.terminate(run, NOW)
    return run if ended is None else move(run, ended.status)


def resume(run: Run) -> Run:
    """Make the step that failed, or that waits, due now, as if it had never been tried."""
    resumed = operate.resume(run, NOW)
    for hop in operate.choose_resumed(run.hops):
        again = written(hop, operate.restart(hop, NOW, operate.Restart()))
        run = change(run, hop.position, again._replace(tries=0, loose=False))
    late = resumed.deadline is not None
    return run._replace(status=RunStatus.RUNNING, cancel_requested=resumed.cancel_requested, late=late)


# -- signals


def send(run: Run, signal_id: int) -> tuple[Run, Receipt]:
    """Let a signal come to the run, and meet the wait that there is, in one transaction."""
    receipt, position = receive(run, signal_id)
    return write_signal(run, signal_id, receipt, position), receipt


def receive(run: Run, signal_id: int) -> tuple[Receipt, int | None]:
    """Say what becomes of a signal, and which hop it meets."""
    kept = sum(signal.position is None for signal in run.signals)
    repeated = any(signal.id == signal_id for signal in run.signals)
    receipt, hop = signals.receive(run, GO, run.hops, repeated=repeated, kept=kept)
    return receipt, None if hop is None else hop.position


def write_signal(run: Run, signal_id: int, receipt: Receipt, position: int | None) -> Run:
    """Write what was said of a signal."""
    if receipt not in {Receipt.MET, Receipt.KEPT}:
        return run
    signal = Signal(len(run.signals) + 1, signal_id)
    run = run._replace(signals=(*run.signals, signal))
    return run if position is None else _meet(run, signal, position)


def _meet_kept(run: Run, position: int) -> Run:
    """End the wait that has just begun, if a signal for it came before."""
    hop = run.hops[position - 1]
    kept = None if hop.awaits is None else signals.find_kept(hop.awaits, run.signals)
    return run if kept is None else _meet(run, kept, position)


def _meet(run: Run, signal: Signal, position: int) -> Run:
    hop = written(run.hops[position - 1], signals.meet(NOW))
    place = signal.number - 1
    met = (*run.signals[:place], signal._replace(position=position), *run.signals[place + 1 :])
    run = change(run, position, hop._replace(met=hop.met + 1))
    return run._replace(signals=met, status=RunStatus.RUNNING)
