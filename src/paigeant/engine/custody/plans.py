"""The plans of messages that travel without them."""

from __future__ import annotations

from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected
from paigeant.model.message import PaigeantMessage
from paigeant.model.plan_text import PlanText


async def with_its_plan(runtime: Runtime, message: PaigeantMessage) -> PaigeantMessage:
    """Return a message with its plan, which is read from the store unless it is known or the message has it.

    Raises MessageRejected for a plan that is not there or is not as it was recorded, and Unavailable.
    """
    missing = message.missing_plan
    return message if missing is None else with_plan(message, await runtime.plans.load(runtime.store, missing))


def with_plan(message: PaigeantMessage, plan: PlanText) -> PaigeantMessage:
    """Return a message with the plan that it was missing; raises MessageRejected for one that does not fit."""
    try:
        return message.with_plan(plan)
    except ValueError as error:
        raise MessageRejected(str(error)) from error
