"""What is ahead of a run: it stands in the message of its newest step, which only the codec can open."""

from __future__ import annotations

from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected
from paigeant.model.message import HopKey
from paigeant.model.runs import Direction, RunStatus, RunView


async def with_steps_ahead(runtime: Runtime, view: RunView) -> RunView:
    """Return the view with the steps ahead; of a message that does not open here, nothing is known to be ahead."""
    if view.status is RunStatus.COMPLETED:
        return view
    forward = [step for step in view.steps if not step.path and step.direction is Direction.EXECUTE]
    if not forward:
        return view
    body = await runtime.store.get_message(HopKey(view.workflow_id, "", forward[-1].position))
    try:
        ahead = () if body is None else runtime.codec.open(body).message.routing_slip.itinerary[1:]
    except MessageRejected:
        return view
    return view.model_copy(update={"ahead": tuple(entry.label for entry in ahead)})
