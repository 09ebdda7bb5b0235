"""Plans in a process: each is written once, or read once from the store, and then known by its digest."""

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
"""Text of plans that a process keeps by their digests, at most."""

WRITTEN: Final = 256
"""Workflows of which a process keeps what it wrote to dispatch them, at most."""


class WrittenPlan(NamedTuple):
    """A plan as it is dispatched: its text, and the large arguments that each run must keep."""

    plan: Plan
    interfaces: Mapping[str, str]
    text: PlanText
    blobs: Mapping[str, Blob]


class PlanCache:
    """The plans that a process knows, of those used last as many as there is room for. Not for several threads."""

    def __init__(self, kept_bytes: int = KEPT_BYTES) -> None:
        """Keep up to so many bytes of text, but at least the plan used last."""
        self._kept_bytes = kept_bytes
        self._bytes = 0
        self._read: OrderedDict[str, PlanText] = OrderedDict()
        self._written: OrderedDict[int, WrittenPlan] = OrderedDict()
        self._reading = asyncio.Lock()

    def write(self, plan: Plan, interfaces: Mapping[str, str]) -> WrittenPlan:
        """Return the plan as it is dispatched; it is written once as long as its activities have these interfaces."""
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
        """Know a plan by its digest from now on."""
        if plan.digest not in self._read:
            self._read[plan.digest] = plan
            self._bytes += len(plan.blob.json)
        self._read.move_to_end(plan.digest)
        while self._bytes > self._kept_bytes and len(self._read) > 1:
            _, dropped = self._read.popitem(last=False)
            self._bytes -= len(dropped.blob.json)

    def find(self, digest: str) -> PlanText | None:
        """Return a plan that is known, None if it has to be read."""
        plan = self._read.get(digest)
        if plan is not None:
            self._read.move_to_end(digest)
        return plan

    async def load(self, store: ValueStore, digest: str) -> PlanText:
        """Return a plan, read from the store unless it is known, once for all who ask at the same time.

        Raises MessageRejected if the store has none or it cannot be read, TamperedMessage if the store has another, and
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
