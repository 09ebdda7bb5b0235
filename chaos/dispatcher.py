"""The process that dispatches the load, and may die of it: what it is not sure of it dispatches again, by its key."""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path

from chaos.doomed import DoomedPaigeant
from chaos.journeys import workflows
from chaos.load import KINDS, input_of, kind_of
from chaos.mutations import apply
from chaos.orders import Orders
from chaos.signalling import Signaller, answer_all, insist
from chaos.worker import end_with_parent
from paigeant import ActivityRegistry

_TOGETHER = 8
"""Dispatches under way at a time."""


class Ledger:
    """How many runs are wanted, which were dispatched for sure, and sent signals: files that outlive the dispatcher."""

    def __init__(self, folder: Path) -> None:
        """Keep them in this folder."""
        self._wanted = folder / "wanted"
        self._sure = folder / "dispatched.log"
        self._signalled = folder / "signalled.log"

    def want(self, number: int) -> None:
        """Ask for so many runs in all."""
        self._wanted.with_suffix(".new").write_text(str(number))
        self._wanted.with_suffix(".new").rename(self._wanted)

    def wanted(self) -> int:
        """Return how many are asked for."""
        return int(self._wanted.read_text()) if self._wanted.exists() else 0

    def note(self, number: int) -> None:
        """Write that the dispatch of this run was answered."""
        _append(self._sure, number)

    def sure(self) -> set[int]:
        """Return the runs whose dispatch was answered."""
        return _numbers(self._sure)

    def note_signals(self, number: int) -> None:
        """Write that all signals to this run were answered."""
        _append(self._signalled, number)

    def signalled(self) -> set[int]:
        """Return the runs for which all signals were answered."""
        return _numbers(self._signalled)


def _append(path: Path, number: int) -> None:
    with path.open("a") as file:
        file.write(f"{number}\n")


def _numbers(path: Path) -> set[int]:
    return set(map(int, path.read_text().split())) if path.exists() else set()


def dispatch(orders: Orders) -> None:
    """Dispatch whatever is wanted, until SIGTERM, or until death."""
    orders.speak_into_a_file()
    apply(orders.mutation)
    asyncio.run(_dispatch(orders))


async def _dispatch(orders: Orders) -> None:
    stop, ledger = end_with_parent(), Ledger(orders.folder)
    sure = ledger.sure()
    signaller = Signaller(ledger.signalled(), ledger.note_signals, orders.seed)
    again = [number for number in sorted(sure) if signaller.wants(number, _kind(orders, number))]
    left = (number for number in count() if number not in sure)
    app = DoomedPaigeant(
        *(orders.points, ActivityRegistry()),
        workflows=workflows(),
        settings=orders.settings,
        dispatcher=True,
        forgetful=orders.forgetful,
    )
    async with app:
        upcoming = next(left)
        while not stop.is_set():
            group, again = again[:_TOGETHER], again[_TOGETHER:]
            while upcoming < ledger.wanted() and len(group) < _TOGETHER:
                group.append(upcoming)
                upcoming = next(left)
            await asyncio.gather(*(_one(app, orders, number, signaller) for number in group))
            await signaller.go_on()
            await answer_all(app)
            await asyncio.sleep(0.05)


def _kind(orders: Orders, number: int) -> str:
    return "plain" if orders.plain else kind_of(number, orders.seed, orders.poison_every, orders.ended)


async def _one(app: DoomedPaigeant, orders: Orders, number: int, signaller: Signaller) -> None:
    """Dispatch a run, and begin to send it signals; one that was dispatched before is found by its key."""
    kind, ledger = _kind(orders, number), Ledger(orders.folder)
    given, key = input_of(number, kind, orders.slow), f"{kind}-{number}"
    run = await insist(lambda: app.dispatch(KINDS[kind].workflow, given, dispatch_key=key))
    if number not in ledger.sure():
        ledger.note(number)
    if signaller.wants(number, kind):
        await signaller.begin(number, run)
