"""Plans in a process: each is written once, or loaded once from the store, and cached by its digest."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Mapping
from typing import Final, NamedTuple

from paigeant.abc import ValueStore
from paigeant.errors import MessageRejected
from paigeant.model.entries.step import stow
from paigeant.model.plan import Plan
from paigeant.model.plan_text import PlanText, plan_of
from paigeant.model.stored.plans import read_plan
from paigeant.model.values.values import Blob
from paigeant.protocol import proof

KEPT_BYTES: Final = 8 * 1024 * 1024
"""Limit of cached plan texts, in bytes."""

WRITTEN: Final = 256
"""Limit of workflows whose written plans are cached."""


class WrittenPlan(NamedTuple):
    """A plan in its dispatched form: its text, and the large arguments that each run must keep."""

    plan: Plan
    interfaces: Mapping[str, str]
    text: PlanText
    blobs: Mapping[str, Blob]


class PlanCache:
    """Least-recently-used cache of plans. Not thread-safe."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        """Keep up to this many bytes of text, but at least the plan used last."""
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._read: OrderedDict[str, PlanText] = OrderedDict()
        self._written: OrderedDict[int, WrittenPlan] = OrderedDict()
        self._reading = asyncio.Lock()

    def write(self, plan: Plan, interfaces: Mapping[str, str]) -> WrittenPlan:
        """Return the plan in its dispatched form; cached as long as its activities have these interfaces."""
        known = self._written.get(id(plan))
        if known is None or known.plan is not plan or known.interfaces != interfaces:
            stowed = [stow(entry) for entry in plan.itinerary]
            blobs = {blob.sha256: blob for _, several in stowed for blob in several}
            known = WrittenPlan(plan, interfaces, plan_of((entry for entry, _ in stowed), interfaces), blobs)
            self._written[id(plan)] = known
        self._written.move_to_end(id(plan))
        if len(self._written) > WRITTEN:
            self._written.popitem(last=False)
        return known

    def keep(self, plan: PlanText) -> None:
        """Cache a plan by its digest."""
        if plan.digest not in self._read:
            self._read[plan.digest] = plan
            self._bytes += len(plan.blob.json)
        self._read.move_to_end(plan.digest)
        while self._bytes > self._kept_bytes and len(self._read) > 1:
            _, dropped = self._read.popitem(last=False)
            self._bytes -= len(dropped.blob.json)

    def find(self, digest: str) -> PlanText | None:
        """Return a cached plan, None if it must be loaded."""
        plan = self._read.get(digest)
        if plan is not None:
            self._read.move_to_end(digest)
        return plan

    async def load(self, store: ValueStore, digest: str) -> PlanText:
        """Return a plan, loaded from the store unless it is cached, once for concurrent callers.

        Raises MessageRejected if the store has none or it cannot be parsed, TamperedMessage if its digest differs, and
        Unavailable.
        """
        async with self._reading:
            known = self.find(digest)
            if known is not None:
                return known
            stored = proof.require_plan(digest, await store.load_plan(digest))
            try:
                plan = read_plan(stored)
            except ValueError as error:
                raise MessageRejected(f"the plan of its itinerary, {digest}, cannot be read here: {error}") from error
            self.keep(plan)
            return plan
