"""What is ahead of a run: it stands in the message of its newest step, which only the codec can open."""

from __future__ import annotations

from paigeant.engine.grants import with_its_plan
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected
from paigeant.model.message import HopKey
from paigeant.model.runs import Direction, RunStatus, RunView


async def with_steps_ahead(runtime: Runtime, view: RunView) -> RunView:
    """Return the view with the steps ahead; where message or plan do not open here, nothing is known of them."""
    if view.status is RunStatus.COMPLETED:
        return view
    forward = [step for step in view.steps if not step.path and step.direction is Direction.EXECUTE]
    if not forward:
        return view
    body = await runtime.store.get_message(HopKey(view.workflow_id, "", forward[-1].position))
    try:
        ahead = () if body is None else await _activities_ahead(runtime, body)
    except MessageRejected:
        return view
    return view.model_copy(update={"ahead": ahead})


async def _activities_ahead(runtime: Runtime, body: bytes) -> tuple[str, ...]:
    itinerary = (await with_its_plan(runtime, runtime.codec.open(body).message)).routing_slip.itinerary
    return tuple(entry.label for entry, _ in itinerary.plan.entries[itinerary.at + 1 :])
