"""Messages: how the one of the hop that follows is made from the one of the hop that is left."""

from __future__ import annotations

from paigeant.model.hops import Leased
from paigeant.model.message import Headers, PaigeantMessage, Payload
from paigeant.model.outcomes import Fault
from paigeant.model.routing_slip import NOTHING_AHEAD, Compensation, RoutingSlip
from paigeant.model.runs import Direction
from paigeant.model.values.values import Value


def onward(leased: Leased, slip: RoutingSlip, output: Value | None, passed: int = 0) -> PaigeantMessage:
    """Return the message of the next step of ``slip``, once the present one has put out this.

    Between the two lie so many entries that were ``passed``.
    """
    payload = leased.message.payload
    headers = _next(leased, Direction.EXECUTE, passed)
    return PaigeantMessage(headers, Payload(payload.input, output, payload.fault), slip)


def backward(leased: Leased, undo: tuple[Compensation, ...], fault: Fault | None) -> PaigeantMessage:
    """Return the message that undoes the first of these, and carries the others along; ``fault`` is why."""
    message = leased.message
    slip = RoutingSlip(NOTHING_AHEAD, message.routing_slip.executed, undo)
    return PaigeantMessage(_next(leased, Direction.COMPENSATE), Payload(message.payload.input, fault=fault), slip)


def _next(leased: Leased, direction: Direction, passed: int = 0) -> Headers:
    headers = leased.message.headers
    made_at = leased.grant.leased_at
    return Headers(headers.run, headers.position + 1 + passed, made_at, headers.path, direction, headers.security)
