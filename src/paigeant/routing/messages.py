"""Messages: construction of the next hop's message from that of the present hop."""

from __future__ import annotations

from typing import Final

from paigeant.model.fan.joins import EndedBranch, branch_path
from paigeant.model.fan.outcomes import BranchStart
from paigeant.model.hops import Leased
from paigeant.model.message import Headers, PaigeantMessage, Payload
from paigeant.model.outcomes import Fault, FaultKind
from paigeant.model.plan_text import Itinerary
from paigeant.model.routing_slip import NOTHING_AHEAD, Branch, Compensation, RoutingSlip
from paigeant.model.runs import Direction, RunError
from paigeant.model.values.values import Value

NOT_NEEDED: Final = Fault(
    type="NotNeeded", message="enough of the other branches had completed", kind=FaultKind.CANCELLED
)
"""Fault of a branch that completed after its join had enough."""


def onward(leased: Leased, slip: RoutingSlip, output: Value | None, passed: int = 0) -> PaigeantMessage:
    """Return the message of the next step of ``slip``, after the present one with this output.

    This many entries were ``passed`` between the two.
    """
    payload = leased.message.payload
    headers = _next(leased, Direction.EXECUTE, passed)
    return PaigeantMessage(headers, Payload(payload.input, output, payload.fault, payload.own), slip)


def backward(leased: Leased, undo: tuple[Compensation, ...], fault: Fault | None) -> PaigeantMessage:
    """Return the message that undoes the first of these, with the others to follow; ``fault`` is the cause."""
    message = leased.message
    payload, slip = message.payload, message.routing_slip
    back = RoutingSlip(NOTHING_AHEAD, slip.executed, undo, branch=slip.branch)
    return PaigeantMessage(
        _next(leased, Direction.COMPENSATE), Payload(payload.input, fault=fault, own=payload.own), back
    )


def outward(leased: Leased, start: BranchStart) -> PaigeantMessage:
    """Return the first message of a branch of the leased node.

    If a condition decides the first entry, that hop evaluates it, as at the end of a run whose entries are all skipped:
    so every branch has a hop of its own with which it ends.
    """
    message, entries = leased.message, start.entries
    workflow_id, path, position = message.key
    below = branch_path(path, position, start.number)
    itinerary = Itinerary(entries, workflow_id, below)
    slip = RoutingSlip(
        itinerary,
        undecided=bool(itinerary.next.conditions),
        policy=message.routing_slip.policy,
        branch=Branch(position, start.number),
    )
    payload = Payload(message.payload.input, start.previous, own={**message.payload.own, **start.own})
    return PaigeantMessage(_first(leased, below, 1, Direction.EXECUTE), payload, slip)


def undoing(leased: Leased, number: int, ended: EndedBranch, *, back: bool) -> PaigeantMessage:
    """Return the message that undoes an ended branch in its own path; it reports to the leased node."""
    message, position = leased.message, leased.message.headers.position
    slip = RoutingSlip(NOTHING_AHEAD, (), ended.undo, branch=Branch(position, number, back))
    fault = message.payload.fault if back else NOT_NEEDED
    payload = Payload(message.payload.input, fault=fault, own={**message.payload.own, **ended.own})
    headers = _first(leased, ended.path, ended.position + 1, Direction.COMPENSATE)
    return PaigeantMessage(headers, payload, slip)


def error_at(message: PaigeantMessage, fault: Fault) -> RunError:
    """Return the error of a run, or of a branch, that ends with the hop of this message."""
    _, path, position = message.key
    return RunError(type=fault.type, message=fault.message, step=message.label, path=path, position=position)


def _first(leased: Leased, path: str, position: int, direction: Direction) -> Headers:
    headers = leased.message.headers
    place = (position, leased.grant.leased_at, path, direction)
    return Headers(headers.run, *place, headers.security, leased.trail or headers.trail)


def _next(leased: Leased, direction: Direction, passed: int = 0) -> Headers:
    headers = leased.message.headers
    return _first(leased, headers.path, headers.position + 1 + passed, direction)
