"""The plans of messages that travel without them, and of those that others follow."""

from __future__ import annotations

from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.hops import Leased
from paigeant.model.message import HopKey, PaigeantMessage
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


async def judge_plans(runtime: Runtime, leased: Leased) -> None:
    """Return if the plans that a judged hop rests on have changed as they may; messages are read only if any has.

    Raises TamperedMessage and Unavailable.
    """
    read: dict[HopKey, PaigeantMessage | None] = {}
    # While a message is read, more may be learned of the run from a branch beside this, which wants more messages.
    while missing := set(runtime.codec.wanted_plans(leased)) - read.keys():
        for key in missing:
            read[key] = await _message_at(runtime, leased, key)
    if read:
        runtime.codec.judge_plans(leased, {key: message for key, message in read.items() if message is not None})


async def _message_at(runtime: Runtime, leased: Leased, key: HopKey) -> PaigeantMessage | None:
    if key == leased.grant.key:
        return leased.message
    body = await runtime.store.get_message(key)
    try:
        return None if body is None else await with_its_plan(runtime, runtime.codec.open(body).message)
    except MessageRejected as error:
        raise TamperedMessage(f"position {key.position}, message: {error}") from error
