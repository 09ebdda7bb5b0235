"""Publications of workflows and activities by workers: signed, and verified by readers."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Final

from paigeant.abc import Published
from paigeant.engine.custody.keys import meet_signers
from paigeant.engine.runtime import Runtime
from paigeant.errors import ConfigError, MessageRejected, WrongState
from paigeant.model.checks.findings import Finding
from paigeant.model.events import Noticed
from paigeant.model.plan import ActivityCard, Plan, Publication, WorkerCard

_GRANT: Final = "add it to the rights of the key, or dispatch the workflow only where its handlers are"


async def publish(runtime: Runtime, plans: Iterable[Plan], cards: Iterable[ActivityCard]) -> None:
    """Publish workflows and activities, signed where hops are; only workflows that the key may publish.

    Raises Unavailable.
    """
    signed = [await _signed(runtime, plan) for plan in plans]
    said = [one.model_copy(update={"publication": _publication(runtime, one)}) for one in cards]
    await runtime.store.publish_catalog([one for one in signed if one is not None], said)


async def _signed(runtime: Runtime, plan: Plan) -> Plan | None:
    """Return a workflow with its signature; None, which is reported, if this process may not publish it."""
    try:
        await runtime.codec.prepare(runtime.store.record_keys, plan.right)
    except ConfigError as error:
        text = f"workflow {plan.name!r} is not published: {error}"
        runtime.report(Noticed(runtime.owner, Finding.warning("custody", text, _GRANT)))
        return None
    return plan.model_copy(update={"publication": _publication(runtime, plan)})


def _publication(runtime: Runtime, one: Plan | ActivityCard) -> Publication | None:
    jws = runtime.codec.publish(one)
    return None if jws is None else Publication(jws=jws.decode())


async def require_published(runtime: Runtime, one: Plan | ActivityCard) -> None:
    """Verify the signature and the permission of a publication; raises WrongState and Unavailable."""
    if not runtime.codec.signs:
        return
    said = one.publication
    try:
        await meet_signers(runtime, [] if said is None else [said.jws.encode()])
        runtime.codec.judge_publication(one)
    except MessageRejected as error:
        text = f"{one.name!r} as it was published is not believed: {error}"
        raise WrongState(f"{text}; start a worker of it again whose key may {one.right}") from error


class ProvenDirectory(Published):
    """Verified publications of workers."""

    def __init__(self, runtime: Runtime) -> None:
        """Read from the store of ``runtime``, and verify with its codec."""
        self._runtime = runtime

    async def find_plans(self, workflows: Collection[str]) -> dict[str, Plan]:
        """Return the published workflows of these names; raises WrongState and Unavailable."""
        plans = await self._runtime.store.find_plans(workflows)
        for plan in plans.values():
            await require_published(self._runtime, plan)
        return plans

    async def find_cards(self, activities: Collection[str]) -> dict[str, ActivityCard]:
        """Return the published cards of these activities; raises WrongState and Unavailable."""
        cards = await self._runtime.store.find_cards(activities)
        for card in cards.values():
            await require_published(self._runtime, card)
        return cards

    async def list_plans(self) -> list[str]:
        """Return the names of all published workflows, sorted."""
        return await self._runtime.store.list_plans()

    async def list_workers(self) -> list[WorkerCard]:
        """Return the living workers."""
        return await self._runtime.store.list_workers()
