"""Plans of messages that refer to them, and verification of changed plans."""

from __future__ import annotations

from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected, TamperedMessage
from paigeant.model.hops import Leased
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.plan_text import PlanText


async def with_its_plan(runtime: Runtime, message: PaigeantMessage) -> PaigeantMessage:
    """Return a message with its plan: its own, a cached one, or the stored one.

    Raises MessageRejected for a plan that is missing or altered, and Unavailable.
    """
    missing = message.missing_plan
    return message if missing is None else with_plan(message, await runtime.plans.load(runtime.store, missing))


def with_plan(message: PaigeantMessage, plan: PlanText) -> PaigeantMessage:
    """Return a message with the plan it was missing; raises MessageRejected for one that does not fit."""
    try:
        return message.with_plan(plan)
    except ValueError as error:
        raise MessageRejected(str(error)) from error


async def judge_plans(runtime: Runtime, leased: Leased) -> None:
    """Verify that the plans behind a verified hop changed only as permitted; messages are loaded only after changes.

    Raises TamperedMessage and Unavailable.
    """
    read: dict[HopKey, PaigeantMessage | None] = {}
    # Meanwhile a concurrent branch may have verified more records of the run, which need further messages.
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
