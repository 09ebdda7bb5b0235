"""What runs of the load wait for: signals, early, late, and each twice, and answers; from a process that may die."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from random import Random
from time import monotonic
from typing import Any

from chaos.journeys import SIGNALS
from chaos.load import KINDS, is_denied, payload_of
from paigeant import Paigeant, Run
from paigeant.errors import Unavailable, WrongState
from paigeant.model.people.approvals import Approval, AskedKind


class Signaller:
    """Sends the first signal of a run as soon as that is dispatched, before any wait begins, and the other later.

    Who comes after one that died sends again whatever is not noted: the same signals, under the same ids.
    """

    def __init__(self, sent: set[int], note: Callable[[int], None], seed: int) -> None:
        """Leave out runs whose signals were ``sent``; ``note`` those that are from now on."""
        self._sent = sent
        self._note = note
        self._seed = seed
        self._later: list[tuple[float, int, Run[Any]]] = []

    def wants(self, number: int, kind: str) -> bool:
        """Tell whether this run is still to be sent anything."""
        return KINDS[kind].workflow == "wait" and number not in self._sent

    async def begin(self, number: int, run: Run[Any]) -> None:
        """Send the signal that comes early."""
        await self._send(number, run, SIGNALS[0])
        self._later.append((monotonic() + Random(f"{self._seed}:{number}").uniform(0.1, 1.5), number, run))

    async def go_on(self) -> None:
        """Send those whose time has come."""
        now = monotonic()
        due = [one for one in self._later if one[0] <= now]
        self._later = [one for one in self._later if one[0] > now]
        await asyncio.gather(*(self._end(number, run) for _, number, run in due))

    async def _end(self, number: int, run: Run[Any]) -> None:
        await self._send(number, run, SIGNALS[1])
        self._note(number)

    async def _send(self, number: int, run: Run[Any], name: str) -> None:
        for _ in range(2):
            await insist(lambda: run.signal(name, payload_of(number, name), signal_id=name))


async def answer_all(app: Paigeant) -> None:
    """Answer what steps ask of people: yes or no, and that nobody knows what came of a call."""
    page = await insist(lambda: app.approvals.list(workflow=None))
    for asked in page.approvals:
        with suppress(WrongState):  # it was answered by who died, or its step does not ask any more
            await insist(lambda asked=asked: _answer(app, asked))


async def _answer(app: Paigeant, asked: Approval) -> object:
    if asked.kind is AskedKind.UNKNOWN:
        return await app.approvals.answer(asked.id, "nobody knows")
    given: Any = asked.arguments
    if is_denied(given["number"]):
        return await app.approvals.deny(asked.id)
    return await app.approvals.approve(asked.id)


async def insist(ask: Callable[[], Awaitable[Any]]) -> Any:
    """Ask until there is an answer; returns it."""
    while True:
        try:
            return await ask()
        except Unavailable:
            await asyncio.sleep(0.2)
