"""Leases in memory: claim, renew, release and announce twins."""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from paigeant.model.hops import Grant, LeaseToken, Pulse, Record, Recorded, Sealed
from paigeant.model.limits import SUSPECT_PAUSE, next_hint
from paigeant.model.message import HopKey
from paigeant.model.stored.claims import Announced, Claim, Due, Fitting, HeldInterface, NoticeStatus, Overdue
from paigeant.protocol import leases, notice
from paigeant.protocol.fan.joins import cancel_on
from paigeant.stores.memory.rows import Rows
from paigeant.stores.memory.tables.hops import HopRow


def claim(rows: Rows, owner: str, what: Claim, limit: int, lease: timedelta) -> list[Grant]:
    """Lease hops that match the claim."""
    match what:
        case Due(topics):
            return pick(rows, owner, topics, limit, lease)
        case Announced(notices):
            return lease_announced(rows, owner, notices[:limit], lease)
        case Overdue():
            return lease_closing(rows, owner, limit, lease)
        case Fitting(wanted):
            return lease_misfits(rows, owner, wanted, limit, lease)
        case _:
            assert_never(what)


def pick(rows: Rows, owner: str, topics: Collection[str], limit: int, lease: timedelta) -> list[Grant]:
    """Lease due twins of these topics, the one due longest first."""
    now = rows.clock()
    due = [hop for hop in rows.queued(topics) if leases.is_due(hop, now)]
    suspects = _first((hop for hop in due if leases.is_suspect(hop)), limit)
    given = leases.choose_suspects(suspects, holds_one=_holds_suspect(rows, owner))
    others = _first((hop for hop in due if not leases.is_suspect(hop)), limit - len(given))
    return [grant(rows, hop, owner, lease, now) for hop in (*given, *others)]


def _holds_suspect(rows: Rows, owner: str) -> bool:
    now = rows.clock()
    return any(leases.holds_suspect(hop, owner, now) for hop in rows.twins.values())


def lease_closing(rows: Rows, owner: str, limit: int, lease: timedelta) -> list[Grant]:
    """Lease forward twins, due or not, of runs that are to end, if nobody runs them."""
    now = rows.clock()
    hops = (
        hop
        for run, hop in rows.pending()
        if leases.may_close(run, hop, hop.direction, now)
        and not leases.was_held_since(hop, hop.started_at, run.closes_at)
    )
    return [grant(rows, hop, owner, lease, now) for hop in _first(hops, limit)]


def find_held_interfaces(rows: Rows) -> set[HeldInterface]:
    """Return the activity and the interface of each twin that is held for code that fits it."""
    return {HeldInterface(hop.step, hop.interface) for hop in rows.twins.values() if hop.interface is not None}


def lease_misfits(
    rows: Rows, owner: str, wanted: Collection[tuple[str, str]], limit: int, lease: timedelta
) -> list[Grant]:
    """Lease twins that wait for code that fits these interfaces."""
    found = (hop for hop in rows.twins.values() if hop.interface is not None and (hop.step, hop.interface) in wanted)
    now = rows.clock()
    return [grant(rows, hop, owner, lease, now) for hop in _first(found, limit)]


def lease_announced(rows: Rows, owner: str, notices: Iterable[tuple[HopKey, bytes]], lease: timedelta) -> list[Grant]:
    """Lease announced twins that are due and whose bytes match the announcement."""
    grants, now = list[Grant](), rows.clock()
    for key, digest in notices:
        hop = rows.twins.get(key)
        if hop is None or not notice.is_announced(hop, digest) or not leases.is_due(hop, now):
            continue
        suspect = leases.is_suspect(hop)
        if suspect and not leases.choose_suspects([hop], holds_one=_holds_suspect(rows, owner)):
            hop.hints, hop.hint_at = 0, now + SUSPECT_PAUSE
        else:
            grants.append(grant(rows, hop, owner, lease, now))
    return grants


def find_notice_status(rows: Rows, key: HopKey, digest: bytes) -> NoticeStatus:
    """Return the status of an announced hop."""
    return notice.find_status(rows.hop(key), digest, rows.clock(), run_known=key.workflow_id in rows.runs)


def _first(hops: Iterable[HopRow], limit: int) -> list[HopRow]:
    """Return the one due longest first; held ones come last."""
    return heapq.nsmallest(limit, hops, key=lambda hop: (hop.due_at is None, hop.due_at or hop.hint_at, hop.key))


def grant(rows: Rows, hop: HopRow, owner: str, lease: timedelta, now: datetime) -> Grant:
    """Lease a twin to this owner, and record the start of its run.

    All twins of one claim get the same time, as in a transaction: their leases end together, and their due order does
    not depend on the order of leasing.
    """
    interrupted, due_at = leases.is_interrupted(hop), hop.due_at
    hop.change(leases.take(hop, owner, now, lease))
    run = rows.runs[hop.key.workflow_id]
    run.started_at = run.started_at or now
    rows.changes.note()
    waited = 0.0 if due_at is None else max((now - due_at).total_seconds(), 0.0)
    return replace(read_grant(rows, hop, interrupted=interrupted), waited=waited)


def read_grant(rows: Rows, hop: HopRow, *, interrupted: bool = False) -> Grant:
    """Return the present lease of this twin."""
    run = rows.runs[hop.key.workflow_id]
    now = hop.started_at or rows.clock()
    return Grant(
        hop.key,
        hop.step,
        hop.body,
        hop.fence,
        hop.attempt,
        leased_at=now,
        interrupted=interrupted,
        cancel=cancel_on(run, hop.path),
        remaining=None if run.deadline is None else (run.deadline - now).total_seconds(),
        record=_record(rows, hop),
        detail=hop.detail,
        accepted=bool(hop.accepted),
        recorded=Recorded(hop.step_id.hex, hop.direction, hop.undoes, hop.digest),
        edited=run.edited,
        epoch=hop.epoch or 0,
        wait=hop.wait,
        head=hop.head,
    )


def _record(rows: Rows, hop: HopRow) -> Record | None:
    """Return the record of the hop that this one undoes."""
    if hop.undoes is None:
        return None
    undone = rows.hop(hop.undoes)
    return None if undone is None else Record(undone.output, undone.log, undone.undo_before or ())


def beat(rows: Rows, held: Sequence[LeaseToken], lease: timedelta, details: Mapping[LeaseToken, bytes]) -> list[Pulse]:
    """Renew leases from now on. An expired one that nobody took over is alive again."""
    pulses: list[Pulse] = []
    for one in held:
        hop, run = rows.hop(one.key), rows.runs.get(one.key.workflow_id)
        alive = leases.is_alive(hop, one.fence)
        if hop is not None and alive:
            hop.change(leases.renew(rows.clock(), lease))
            hop.note(details.get(one), rows.clock())
        pulses.append(Pulse(one, alive, None if run is None else cancel_on(run, one.key.path)))
    return pulses


def release(rows: Rows, held: Sequence[LeaseToken]) -> None:
    """Release leases unused."""
    for one in held:
        hop = rows.hop(one.key)
        if hop is not None and leases.is_alive(hop, one.fence):
            hop.change(leases.release(hop, rows.clock()))
    rows.changes.note()


def announce(rows: Rows, limit: int) -> list[Sealed]:
    """Return the messages of due twins whose announcement is due, and postpone the next one."""
    now = rows.clock()
    due = (hop for hop in rows.twins.values() if leases.is_due(hop, now) and hop.hint_at <= now)
    hops = heapq.nsmallest(limit, due, key=lambda hop: (hop.hint_at, hop.key))
    for hop in hops:
        hop.hint_at = now + next_hint(hop.hints)
        hop.hints += 1
    return [hop.sealed for hop in hops]
