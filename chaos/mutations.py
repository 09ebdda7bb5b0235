"""Safeguards taken out, one at a time and in a worker's own memory, to see that the invariants notice.

Production code has no switch for this: statements and functions are replaced after import.
"""

# ruff: noqa: SLF001 -- what is taken out lies inside
# pyright: reportPrivateUsage=false

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, Final

from pydantic_ai import ToolApproved
from sqlalchemy import CTE, bindparam

from paigeant.abc import Call
from paigeant.agents.durable import deferred
from paigeant.app.signals import Signal
from paigeant.engine.flow import nodes
from paigeant.engine.hop.session.gate import LeasedGate
from paigeant.engine.hop.session.leased import LeasedSession
from paigeant.engine.runtime import Runtime
from paigeant.model.fan.joins import JoinState
from paigeant.model.hops import Commit, Grant, Leased, Verdict
from paigeant.model.message import HopKey
from paigeant.sql.execution.keys import keys_of
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.statements import announce, claim
from paigeant.sql.statements.at_once import claim as claim_at_once
from paigeant.sql.statements.at_once import commit as at_once
from paigeant.sql.statements.commits import judged as commit
from paigeant.sql.statements.commits import plain as commit_plain
from paigeant.sql.statements.commits import rows as commit_rows
from paigeant.sql.statements.commits.rows import Found
from paigeant.sql.statements.hops import THIS_HOP, key_of, steps


def without_fence() -> None:
    """A commit shows whatever fence the hop has by now."""
    _see(lambda one, found: {"hop": _like(found.hop, fence=one.held.fence)})
    _bind(lambda one: {"b_fence": one.hop.fence})


def without_position() -> None:
    """A commit is not asked whether its hop is still pending."""
    _see(lambda _, found: {"hop": _like(found.hop, completed_at=None, owner=found.hop.owner or "somebody")})
    for name in ("_LEAVE", "_HOLD"):
        statement = getattr(commit_rows, name).statement._clone()
        statement._where_criteria = (THIS_HOP & (steps.fence == bindparam("b_fence")),)
        setattr(commit_rows, name, PreparedStatement(statement))


def without_fence_and_position() -> None:
    """A commit is asked for neither."""
    without_position()
    judge = commit._judge
    commit._judge = lambda one, found: judge(one, found and found._replace(hop=_like(found.hop, fence=one.held.fence)))
    _bind(lambda one: {"b_fence": one.hop.fence})


def without_status() -> None:
    """A commit is not asked whether its run is over."""
    _see(lambda _, found: {"run": _like(found.run, completed_at=None)})


def without_run_lock() -> None:
    """A commit reads the run's status and does not hold it."""
    commit.RUNS = _unlocked(commit.RUNS)
    commit_plain.RUNS_IN_ORDER = _unlocked(commit.RUNS_IN_ORDER)  # pyright: ignore[reportPrivateImportUsage]
    locked = at_once._locked

    def unlocked(given: CTE) -> CTE:
        statement: Any = locked(given).element._clone()
        statement._for_update_arg = None
        return statement.cte("locked")

    at_once._locked = unlocked
    at_once._COMMIT = at_once._commit()


def _unlocked(locking: PreparedStatement) -> PreparedStatement:
    statement: Any = locking.statement
    statement = statement._clone()
    statement._for_update_arg = None
    return PreparedStatement(statement)


def without_plain_fence() -> None:
    """A commit that is written without being judged asks for nothing but its hop."""
    statement: Any = commit_plain._LEAVE.statement
    statement = statement._clone()
    statement._where_criteria = (THIS_HOP,)
    commit_plain._LEAVE = PreparedStatement(statement)
    behind = at_once._behind

    def unfenced(locked: CTE) -> CTE:
        statement: Any = behind(locked).element._clone()
        fenced = [part for part in statement._where_criteria if "fence" in str(part) or "owner" in str(part)]
        statement._where_criteria = tuple(part for part in statement._where_criteria if part not in fenced)
        return statement.cte("behind")

    at_once._behind = unfenced
    at_once._COMMIT = at_once._commit()


def without_digest() -> None:
    """A lease is given for any bytes that name the hop."""
    lease_announced = claim.lease_announced

    def lenient(tx: Tx, owner: str, notices: Sequence[tuple[HopKey, bytes]], lease: timedelta) -> list[Grant]:
        rows = tx.rows(claim._ANNOUNCED, keys=keys_of(dict(notices)))
        return lease_announced(tx, owner, [(key_of(row), row.digest) for row in rows], lease)

    claim.lease_announced = lenient


def without_sweeper() -> None:
    """Nothing is announced a second time."""
    announce.announce = lambda *_: []


def without_counting() -> None:
    """A lease counts no attempt."""
    statement: Any = claim._TAKE.statement
    claim._TAKE = PreparedStatement(statement.values(attempt=steps.attempt))
    taken = claim_at_once._taken

    def uncounted(due: CTE) -> CTE:
        statement: Any = taken(due).element
        return statement.values(attempt=steps.attempt).cte("taken")

    claim_at_once._taken = uncounted


def without_join() -> None:
    """A node goes on as soon as one of its branches has ended."""
    JoinState.settled = property(lambda join: join.arrived > 0)  # type: ignore[assignment]


def without_signal_id() -> None:
    """A signal that is sent again counts again."""
    checked = Signal.checked
    Signal.checked = lambda signal: checked(replace(signal, signal_id=None))  # type: ignore[method-assign]


def without_child_of_its_own() -> None:
    """A node whose child has ended begins another, once."""
    decide, again = nodes.decide_child, set[HopKey]()

    async def forgetful(runtime: Runtime, leased: Leased, node: HopKey) -> Any:
        if leased.grant.wait is not None and node not in again:
            again.add(node)
            leased = replace(leased, grant=replace(leased.grant, wait=None))
        return await decide(runtime, leased, node)

    nodes.decide_child = forgetful


def without_replay() -> None:
    """A step finds nothing of what it has recorded."""

    async def nothing(session: LeasedSession, call: Call) -> bytes | None:
        del session, call

    LeasedSession.recall = nothing  # type: ignore[method-assign]


def without_charges() -> None:
    """What a request costs is not recorded with it."""
    record = LeasedSession.record

    async def free(session: LeasedSession, call: Call, json: bytes, **more: Any) -> bytes:
        return await record(session, call, json, **{**more, "charges": ()})

    LeasedSession.record = free  # type: ignore[method-assign]


def without_approval() -> None:
    """Whatever people answer is taken for a yes."""
    deferred._approval = lambda *_: ToolApproved()


def without_budget() -> None:
    """No room is reserved before a request."""

    async def reserve(*_: Any) -> None:
        """Return, whatever there is."""

    LeasedGate.reserve = reserve  # type: ignore[method-assign]


def _see(view: Callable[[Commit, Found], dict[str, Any]]) -> None:
    """Have verdicts given on rows that look otherwise."""
    judge = commit._judge

    def lenient(one: Commit, found: Found | None) -> Verdict:
        return judge(one, found and found._replace(**view(one, found)))

    commit._judge = lenient


def _bind(more: Callable[[Found], dict[str, Any]]) -> None:
    """Have statements of commits bound to other values."""
    changed = commit_rows._changed
    commit_rows._changed = lambda one, change: changed(one, change) | more(one)


def _like(row: Any, **other: Any) -> Any:
    return SimpleNamespace(**{**(row._asdict() if hasattr(row, "_asdict") else vars(row)), **other})


MUTATIONS: Final[dict[str, Callable[[], None]]] = {
    "no-fence": without_fence,
    "no-position": without_position,
    "no-fence-no-position": without_fence_and_position,
    "no-status": without_status,
    "no-run-lock": without_run_lock,
    "no-plain-fence": without_plain_fence,
    "no-digest": without_digest,
    "no-sweeper": without_sweeper,
    "no-counting": without_counting,
    "no-join": without_join,
    "no-signal-id": without_signal_id,
    "no-child-of-its-own": without_child_of_its_own,
    "no-replay": without_replay,
    "no-charges": without_charges,
    "no-approval": without_approval,
    "no-budget": without_budget,
}


def apply(name: str | None) -> None:
    """Take a safeguard out of this process, if one is named."""
    if name is not None:
        MUTATIONS[name]()
