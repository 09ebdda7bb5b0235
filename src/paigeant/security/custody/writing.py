"""Texts of records as they are written, once, by their signers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from paigeant.abc import Departure, DispatchTerms
from paigeant.model.custody.notes import HopNotes
from paigeant.model.custody.records import RecordKind
from paigeant.model.hops import Leased
from paigeant.model.message import PaigeantMessage
from paigeant.model.routing_slip import PassedEntry
from paigeant.model.runs import Direction
from paigeant.model.transition import Done, Left, Transition
from paigeant.model.values.digests import digest_of
from paigeant.model.values.json_text import to_json
from paigeant.model.values.values import Value
from paigeant.security.custody.records import (
    digest_of_fault,
    digest_of_start,
    digest_of_undo,
    digest_of_value,
    digest_of_values,
    plan_digest,
    said_of,
)

LONGEST_LIFE: Final = timedelta(days=90)
"""Validity of a dispatch without a deadline."""


def write_dispatch(message: PaigeantMessage, terms: DispatchTerms, audience: str, body: bytes) -> bytes:
    """Return the record of a dispatch whose first message has this body."""
    headers, itinerary = message.headers, message.routing_slip.itinerary
    at, deadline = headers.created_at, headers.deadline
    return to_json(
        {
            "k": RecordKind.DISPATCH.value,
            "wf": str(headers.workflow_id),
            "path": "",
            "n": 0,
            "prev": terms.follows,
            "by": terms.owner,
            "at": _time(at),
            "aud": audience,
            "workflow": headers.workflow,
            "tenant": terms.tenant,
            "key": terms.dispatch_key,
            "trace": headers.trace_id,
            "within": _within(message, terms),
            "sub": terms.sub,
            "deadline": None if deadline is None else _time(deadline),
            "exp": _time(deadline or at + LONGEST_LIFE),
            "input": digest_of_value(message.payload.input),
            "policy": policy_of(message),
            "passed": _passed(terms.passed),
            "plan": plan_digest(itinerary),
            "next": [_following(message, body)],
        }
    )


def _within(message: PaigeantMessage, terms: DispatchTerms) -> dict[str, Any] | None:
    """Return the runs that contain a child run, the outermost first, and its node in the last."""
    if terms.parent is None:
        return None
    _, path, position = terms.parent
    return {"runs": [str(run) for run in message.headers.run.parents], "path": path, "n": position}


def write_turn(message: PaigeantMessage, owner: str, prev: str, body: bytes) -> bytes:
    """Return the record of a child run that turns round with this message, after the hop that completed it."""
    headers = message.headers
    return to_json(
        {
            "k": RecordKind.TURN.value,
            "wf": str(headers.workflow_id),
            "path": "",
            "n": headers.position - 1,
            "prev": prev,
            "by": owner,
            "at": _time(headers.created_at),
            "plan": None,
            "next": [_following(message, body)],
        }
    )


class Known(NamedTuple):
    """Known facts of a hop that is left: the digest of the newest records of a node's ended branches.

    ``because`` has the digests of the deeds that it obeys.
    """

    heads: str | None = None
    because: Sequence[str] = ()


def write_hop(leased: Leased, departure: Departure, bodies: Sequence[bytes], known: Known = Known()) -> bytes:  # noqa: B008  (it does not change)
    """Return the record of a hop that is left, whose next messages have these bodies."""
    grant, message, made, notes = leased.grant, leased.message, departure.transition, departure.notes
    done, undo, fault = None, None, None
    if isinstance(made.hop, Left):
        done = made.hop.result if isinstance(made.hop.result, Done) else None
        undo, fault = made.hop.undo, made.hop.fault
    following = [message for message, _ in made.next]
    did, plan, revised = _plans(message, following, made)
    return to_json(
        {
            "k": kind_of(departure, known.heads).value,
            **_place(leased),
            "by": departure.owner,
            "at": _time(grant.leased_at),
            "step": message.topic,
            "label": message.label,
            "step_id": message.step_id.hex,
            "dir": message.headers.direction.value,
            "status": made.hop.status.value,
            "fence": grant.fence,
            "attempt": grant.attempt,
            "in": digest_of_values(departure.input),
            "out": digest_of_value(done and done.output),
            "log": digest_of_value(done and done.log),
            "undo": digest_of_undo(undo),
            "fault": None if fault is None else digest_of_fault(fault),
            "vars": {name: digest_of_value(value) for name, value in _variables(departure)},
            "did": did,
            "plan": plan,
            "rev": revised,
            "next": [_following(each, body) for each, body in zip(following, bodies, strict=True)],
            "heads": known.heads,
            "run": None if made.end is None else made.end.status.value,
            "result": digest_of_value(made.end and made.end.output),
            "because": list(known.because),
            "notes": said_of_notes(notes),
        }
    )


def _place(leased: Leased) -> dict[str, Any]:
    """Return of which hop a record is, and which it follows."""
    run, path, position = leased.grant.key
    return {"wf": str(run), "path": path, "n": position, "prev": leased.head}


def said_of_notes(notes: HopNotes | None) -> dict[str, str | None] | None:
    """Return what a record says of what its step has recorded; of nothing it says nothing."""
    return notes._asdict() if notes is not None and any(notes) else None


def _variables(departure: Departure) -> Iterator[tuple[str, Value]]:
    """Yield the variables of a hop: those set while it ran, then those of its end, which overwrite them."""
    yield from departure.saved.items()
    yield from departure.transition.writes.variables


def kind_of(departure: Departure, heads: str | None) -> RecordKind:
    """Return the kind of the record of a hop that is left."""
    if departure.closed:
        return RecordKind.CLOSE
    return RecordKind.HOP if heads is None else RecordKind.JOIN


def write_branch(leased: Leased, departure: Departure, message: PaigeantMessage, body: bytes) -> bytes:
    """Return the record of a branch that begins, or goes on to be undone, with this message.

    Branches that begin with their node contain the parameters of its join.
    """
    start = None if departure.transition.fan_out is None else departure.transition.fan_out.start
    grant, headers = leased.grant, message.headers
    forward = headers.direction is Direction.EXECUTE
    return to_json(
        {
            "k": RecordKind.BRANCH.value,
            "wf": str(grant.key.workflow_id),
            "path": headers.path,
            "n": headers.position - 1,
            "prev": leased.head,
            "by": departure.owner,
            "at": _time(grant.leased_at),
            "node": grant.key.position,
            "join": None if start is None else digest_of_start(start),
            "plan": plan_digest(message.routing_slip.itinerary) if forward else None,
            "next": [_following(message, body)],
        }
    )


def _following(message: PaigeantMessage, body: bytes) -> dict[str, Any]:
    return {"path": message.headers.path, "n": message.headers.position, "body": digest_of(body)}


def _passed(passed: Sequence[PassedEntry]) -> list[str]:
    return [f"{each.position} {each.topic} {each.step_id.hex} {each.status}" for each in passed]


def _plans(
    message: PaigeantMessage, following: Sequence[PaigeantMessage], made: Transition
) -> tuple[list[str], str | None, dict[str, Any] | None]:
    """Return the digests of the entries that the hop has done, of the plan ahead, and the revision.

    Only for forward hops on one path: elsewhere no plan is ahead.
    """
    forward = message.headers.direction is Direction.EXECUTE
    [ahead] = following if len(following) == 1 else [None]
    change = made.writes.revision
    if not forward or ahead is None or ahead.headers.direction is not Direction.EXECUTE:
        return [], None, None if change is None else {"from": None, "to": None, **said_of(change)}
    before, after = message.routing_slip.itinerary, ahead.routing_slip.itinerary
    plan = plan_digest(after)
    if after.plan is before.plan:
        return before.plan.digests[before.at : after.at], plan, None
    revised = {"from": plan_digest(before), "to": plan, **said_of(change)}
    return _passed(made.passed), plan, revised


def policy_of(message: PaigeantMessage) -> Any:
    """Return the policies of the dispatch: revisions, budgets, identity and secrets; None without any."""
    policy, run = message.routing_slip.policy, message.headers.run
    said = {} if policy is None else policy.model_dump(mode="json", exclude={"added"})
    said |= {"budgets": [budget.said for budget in run.budgets]} if run.budgets else {}
    said |= {} if run.identity is None else {"identity": run.identity.model_dump(mode="json")["audiences"]}
    said |= {} if run.secrets is None else {"secrets": run.secrets.model_dump(mode="json", exclude_defaults=True)}
    return said or None


def _time(at: datetime) -> str:
    return at.isoformat()
