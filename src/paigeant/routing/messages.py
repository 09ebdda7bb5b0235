"""Messages: how the one of the hop that follows is made from the one of the hop that is left."""

from __future__ import annotations

from paigeant.model.hops import Leased
from paigeant.model.message import HopKey, PaigeantMessage, Payload
from paigeant.model.outcomes import Fault
from paigeant.model.routing_slip import Compensation, RoutingSlip
from paigeant.model.runs import Direction
from paigeant.model.values import Value


def onward(leased: Leased, slip: RoutingSlip, output: Value) -> PaigeantMessage:
    """Return the message of the next step of ``slip``, once the present one has put out this."""
    payload = leased.message.payload.model_copy(update={"previous": output})
    return _next(leased, slip, payload, Direction.EXECUTE)


def backward(leased: Leased, undo: tuple[Compensation, ...], fault: Fault | None) -> PaigeantMessage:
    """Return the message that undoes the first of these, and carries the others along; ``fault`` is why."""
    slip = RoutingSlip(executed=leased.message.routing_slip.executed, compensations=undo)
    return _next(leased, slip, Payload(input=leased.message.payload.input, fault=fault), Direction.COMPENSATE)


def _next(leased: Leased, slip: RoutingSlip, payload: Payload, direction: Direction) -> PaigeantMessage:
    headers = leased.message.headers
    key = HopKey(headers.workflow_id, headers.path, headers.position + 1)
    changed = {
        "message_id": key.message_id,
        "position": key.position,
        "direction": direction,
        "created_at": leased.grant.leased_at,
    }
    return PaigeantMessage(headers=headers.model_copy(update=changed), payload=payload, routing_slip=slip)
