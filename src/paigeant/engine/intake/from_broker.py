"""Broker intake: deliveries are leased in batches, started, and settled in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Any, Final

from paigeant.abc import Delivery, Transport
from paigeant.aio.race import cancel
from paigeant.engine.intake.acknowledger import Acknowledger
from paigeant.engine.intake.admission import Admission
from paigeant.engine.intake.dead_letters import ReceivedMessage, UndeliverableTriage
from paigeant.engine.intake.drought import Drought
from paigeant.errors import Unavailable
from paigeant.model.events import Delivered
from paigeant.model.hops import Grant
from paigeant.model.message import HopKey
from paigeant.model.stored.claims import Announced

PASSED_OVER: Final = 0.05
"""Seconds until a retry of a message whose hop could not be leased only because its run was locked."""

LAST_LEASE: Final = 5.0
"""Seconds for the answer of a pending claim, once the subscription has ended."""


class BrokerIntake:
    """One subscription. While some deliveries are leased, the next are collected: no timer, no minimum.

    It requests only deliveries that could be leased now. Unsettled ones return to the broker at the end. It tells the
    drought when deliveries are awaited and when one arrives: after a time without any, due hops are claimed from the
    store, because the sweeper announces a lost message only in its turn.
    """

    def __init__(self, admission: Admission, transport: Transport, drought: Drought) -> None:
        """Receive what arrives for the admission's group."""
        self._admission = admission
        self._runtime = admission.runtime
        self._transport = transport
        self._hand: list[ReceivedMessage] = []
        self._passed_over = 0
        self._stirred = asyncio.Event()
        self._drought = drought
        self._over = asyncio.Event()

    async def run(self) -> None:
        """Receive until stopped; raises the error that ends the subscription."""
        async with aclosing(self._transport.subscribe(self._admission.group)) as deliveries:
            gathering = asyncio.create_task(self._gather(deliveries), name="paigeant-gathering")
            stopping = asyncio.create_task(self._admission.stop.wait())
            try:
                async with Acknowledger(self._runtime, self._transport) as settling:
                    await self._lease_until(settling, gathering, stopping)
            finally:  # last: closing the subscription returns unsettled messages
                await cancel([gathering, stopping])
        if not gathering.cancelled():
            gathering.result()

    async def _gather(self, deliveries: AsyncGenerator[Delivery, None]) -> None:
        """Request deliveries as long as there is room for them."""
        while True:
            if await self._admission.has_room_beyond(len(self._hand) + self._passed_over):
                self._drought.waits()
                delivery = await anext(deliveries, None)
                if delivery is None:
                    raise Unavailable("the broker has ended the subscription")
                self._drought.ends()
                if self._runtime.hooks.wants(Delivered):
                    self._runtime.report(Delivered(delivery.topic, delivery.message_id, len(delivery.body)))
                self._hand.append(ReceivedMessage.of(delivery))
                self._stirred.set()

    async def _lease_until(self, settling: Acknowledger, *ends: asyncio.Task[Any]) -> None:
        """Lease collected deliveries until one of these tasks has ended; pending claims are then awaited."""
        leasing = asyncio.create_task(self._lease_all(settling), name="paigeant-leasing")
        try:
            await asyncio.wait([leasing, *ends], return_when=asyncio.FIRST_COMPLETED)
            self._over.set()
            self._stirred.set()
            await asyncio.wait([leasing], timeout=LAST_LEASE)
        finally:
            await cancel([leasing])

    async def _lease_all(self, settling: Acknowledger) -> None:
        sorter = UndeliverableTriage(self._runtime, settling)
        while not self._over.is_set():
            if not self._hand:
                self._stirred.clear()
                await self._stirred.wait()
                continue
            try:
                await self._lease(settling, sorter)
                self._admission.worked()
            except Exception as error:  # noqa: BLE001  (what is in hand stays there until the store has heard of it)
                await self._admission.recover(error)

    async def _lease(self, settling: Acknowledger, sorter: UndeliverableTriage) -> None:
        """Lease collected deliveries, as far as there are slots, and triage those that were not leased."""
        left: list[ReceivedMessage] = []
        bodies: dict[HopKey | None, bytes] = {}

        async def ask(room: int) -> list[Grant]:
            left[:], self._hand[:] = self._hand[:room], self._hand[room:]
            notices = dict.fromkeys((parcel.key, parcel.digest) for parcel in left if parcel.key is not None)
            grants = await self._ask(list(notices)) if notices else []
            bodies.update((grant.key, grant.body) for grant in grants)
            return await self._without_foreign(grants)

        try:
            await self._admission.take(ask, len(self._hand))
            for parcel in left:
                if bodies.get(parcel.key) == parcel.delivery.body:
                    settling.add(parcel.delivery.message_id)
            left = [parcel for parcel in left if bodies.get(parcel.key) != parcel.delivery.body]
            if left:
                left, passed_over = await sorter.sort(left)
                self._try_later(passed_over)
        finally:
            self._hand[:0] = left

    def _try_later(self, passed_over: list[ReceivedMessage]) -> None:
        """Retry these shortly; later deliveries do not wait for them."""
        if passed_over:
            self._passed_over += len(passed_over)
            asyncio.get_running_loop().call_later(PASSED_OVER, self._requeue, passed_over)

    def _requeue(self, passed_over: list[ReceivedMessage]) -> None:
        self._passed_over -= len(passed_over)
        self._hand += passed_over
        self._stirred.set()

    async def _ask(self, notices: Sequence[tuple[HopKey, bytes]]) -> list[Grant]:
        return await self._runtime.store.claim(
            self._runtime.owner, Announced(notices), len(notices), self._runtime.lease
        )

    async def _without_foreign(self, grants: list[Grant]) -> list[Grant]:
        """Release hops of topics that are not served here: they are announced to their own topic."""
        foreign = [grant.held for grant in grants if grant.topic not in self._admission.group]
        if foreign:
            try:
                await self._runtime.store.release(foreign)
            except Unavailable as error:
                self._runtime.trouble("releasing what is not served here; its lease will run out", error)
        return [grant for grant in grants if grant.topic in self._admission.group]
