"""The processes of a drama: started, given a point to die at, watched, and ended. No other is ended."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from time import monotonic
from typing import Any, NamedTuple

from chaos.orders import Orders


class Holdings(NamedTuple):
    """What a process holds of what can leak."""

    sockets: int
    files: int
    threads: int


class Hand:
    """One process."""

    def __init__(self, process: BaseProcess, orders: Orders) -> None:
        """Take charge of a process that was just started."""
        self.process = process
        self.orders = orders
        self.pid: int = process.pid or 0

    @property
    def alive(self) -> bool:
        """It has not ended yet."""
        return self.process.is_alive()

    def send(self, number: signal.Signals) -> None:
        """Send it a signal, if it is there."""
        if self.alive:
            with suppress(ProcessLookupError):
                os.kill(self.pid, number)

    async def ended(self, within: float) -> bool:
        """Wait for its end; returns whether it came in time."""
        end = monotonic() + within
        while self.alive and monotonic() < end:
            await asyncio.sleep(0.02)
        return not self.alive

    async def kill(self) -> None:
        """End it as a power cut would."""
        self.send(signal.SIGKILL)
        await self.ended(10)

    def holdings(self) -> Holdings:
        """Count what it holds, as the kernel sees it."""
        links: list[str] = []
        for link in Path(f"/proc/{self.pid}/fd").iterdir():
            with suppress(OSError):
                links.append(str(link.readlink()))
        sockets = sum(1 for link in links if link.startswith("socket:"))
        return Holdings(sockets, len(links) - sockets, len(list(Path(f"/proc/{self.pid}/task").iterdir())))


class Crew:
    """All processes of a drama, forked from one that has loaded everything already, so that hiring is quick."""

    def __init__(self, orders: Orders) -> None:
        """Hire with these orders, but for what is said each time."""
        self._orders = orders
        self._context: Any = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(["chaos.worker", "chaos.dispatcher", "chaos.endpoint", "chaos.preloaded"])
        self._count = 0
        self.hands: list[Hand] = []

    def hire(self, what: Callable[[Orders], None], **more: Any) -> Hand:
        """Start a process that does this."""
        self._count += 1
        orders = replace(self._orders, name=f"{what.__name__}-{self._count:04}", **more)
        process = self._context.Process(target=what, args=(orders,), name=orders.name)
        process.start()
        hand = Hand(process, orders)
        self.hands.append(hand)
        return hand

    def living(self) -> list[Hand]:
        """Return those that are alive."""
        return [hand for hand in self.hands if hand.alive]

    async def dismiss(self) -> list[str]:
        """Ask all to end, in order; returns what to say of those that had to be killed."""
        late: list[str] = []
        for hand in self.living():
            hand.send(signal.SIGCONT)
            hand.send(signal.SIGTERM)
        for hand in self.living():
            if not await hand.ended(30):
                late.append(f"{hand.orders.name} did not end within 30 s of SIGTERM")
                await hand.kill()
        return late

    def kill_all(self) -> None:
        """End all at once."""
        for hand in self.living():
            hand.send(signal.SIGKILL)
            hand.process.join(10)
