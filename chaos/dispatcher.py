"""The process that dispatches the load, and may die of it: what it is not sure of it dispatches again, by its key."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

from chaos.doomed import DoomedPaigeant
from chaos.load import input_of, kind_of, workflow_of, workflows
from chaos.mutations import apply
from chaos.orders import Orders
from chaos.worker import end_with_parent
from paigeant import ActivityRegistry
from paigeant.errors import Unavailable

_TOGETHER = 8
"""Dispatches under way at a time."""


class Ledger:
    """How many runs are wanted, and which were dispatched for sure: two files that outlive the dispatcher."""

    def __init__(self, folder: Path) -> None:
        """Keep them in this folder."""
        self._wanted = folder / "wanted"
        self._sure = folder / "dispatched.log"

    def want(self, number: int) -> None:
        """Ask for so many runs in all."""
        self._wanted.with_suffix(".new").write_text(str(number))
        self._wanted.with_suffix(".new").rename(self._wanted)

    def wanted(self) -> int:
        """Return how many are asked for."""
        return int(self._wanted.read_text()) if self._wanted.exists() else 0

    def note(self, number: int) -> None:
        """Write that the dispatch of this run was answered."""
        with self._sure.open("a") as file:
            file.write(f"{number}\n")

    def sure(self) -> set[int]:
        """Return the runs whose dispatch was answered."""
        return set(map(int, self._sure.read_text().split())) if self._sure.exists() else set()


def dispatch(orders: Orders) -> None:
    """Dispatch whatever is wanted, until SIGTERM, or until death."""
    orders.speak_into_a_file()
    apply(orders.mutation)
    asyncio.run(_dispatch(orders))


async def _dispatch(orders: Orders) -> None:
    stop, ledger = end_with_parent(), Ledger(orders.folder)
    sure = ledger.sure()
    left = (number for number in count() if number not in sure)
    registry = ActivityRegistry()
    points = orders.points
    app = DoomedPaigeant(
        *(points, registry),
        workflows=workflows(),
        settings=orders.settings,
        dispatcher=True,
        forgetful=orders.forgetful,
    )
    async with app:
        upcoming = next(left)
        while not stop.is_set():
            group: list[int] = []
            while upcoming < ledger.wanted() and len(group) < _TOGETHER:
                group.append(upcoming)
                upcoming = next(left)
            await asyncio.gather(*(_one(app, orders, ledger, number) for number in group))
            await asyncio.sleep(0.05)


async def _one(app: DoomedPaigeant, orders: Orders, ledger: Ledger, number: int) -> None:
    kind = kind_of(number, orders.seed, orders.poison_every, orders.ended)
    while True:
        try:
            await app.dispatch(workflow_of(kind), input_of(number, kind, orders.slow), dispatch_key=f"{kind}-{number}")
        except Unavailable:
            await asyncio.sleep(0.2)
        else:
            ledger.note(number)
            return
