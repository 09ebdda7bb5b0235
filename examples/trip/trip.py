"""Two trips, booked by three services at once: one is paid for, and of the other the card is declined.

Run it with ``python examples/trip/trip.py``. It starts a worker in each service's folder, and exits with 1 if anything
that was booked for the second trip is not cancelled at the end.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import agency
from agency import DECLINED, trip

from paigeant import Paigeant, RunStatus
from paigeant.config import Settings

HERE = Path(__file__).parent
LOGS = HERE / ".paigeant"
SERVICES = ("flights", "hotels", "cars")
PATIENCE = 60.0
"""Seconds for the workers to start, and for each trip."""


@contextmanager
def services(store: str) -> Generator[None]:
    """Run a worker in each service's folder, as a process of its own."""
    environment = os.environ | {"PAIGEANT_STORE": store}
    command = [sys.executable, "-m", "paigeant", "run", "handlers.py"]
    LOGS.mkdir(exist_ok=True)
    workers: list[subprocess.Popen[bytes]] = []
    for name in SERVICES:
        with (LOGS / f"{name}.log").open("wb") as log:
            workers.append(subprocess.Popen(command, cwd=HERE / name, env=environment, stderr=log))  # noqa: S603  (our own)
    try:
        yield
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait(PATIENCE)


async def until_up(app: Paigeant) -> None:
    """Return once each service has a worker."""
    async with asyncio.timeout(PATIENCE):
        while True:
            served = {name for worker in await app.list_workers() for name in worker.topics}
            if {"flight", "hotel", "car"} <= served:
                return
            await asyncio.sleep(0.1)


async def book(app: Paigeant, to: str, card: str) -> RunStatus:
    """Dispatch a trip, wait for its end, and say what became of it."""
    run = await app.dispatch(trip, {"to": to, "day": "2030-06-01", "nights": 3, "card": card})
    result = await run.result(PATIENCE)
    print(f"{to}: {result.status}", f"({result.error.message})" if result.error else "")
    for step in result.steps:
        print(f"  {'undo ' * (step.direction == 'compensate')}{step.step}: {step.status}")
    return result.status


def bookings(to: str) -> list[tuple[str, str]]:
    """Return what the services have in their books for a place, and how it stands."""
    found: list[tuple[str, str]] = []
    for name in SERVICES:
        with sqlite3.connect(HERE / name / "books.db") as books:
            found += books.execute("SELECT what, state FROM bookings WHERE what LIKE ?", (f"% {to} %",))
    return found


async def main() -> int:
    """Book two trips; returns the exit code."""
    logging.getLogger("paigeant").setLevel(logging.CRITICAL)  # that a card is declined is no news here
    settings = Settings(store=os.environ.get("PAIGEANT_STORE") or f"sqlite:///{HERE}/.paigeant/trip.db")
    for name in SERVICES:
        (HERE / name / "books.db").unlink(missing_ok=True)
    async with Paigeant(agency, settings=settings) as app, app.worker():
        with services(settings.store):
            await until_up(app)
            statuses = [await book(app, "Rome", "4242 4242 4242 4242"), await book(app, "Oslo", DECLINED)]
    kept, undone = bookings("Rome"), bookings("Oslo")
    for what, state in kept + undone:
        print(f"in the books: {what}, {state}")
    right = [state for _, state in kept + undone] == ["booked"] * 3 + ["cancelled"] * 3
    return 0 if right and statuses == [RunStatus.COMPLETED, RunStatus.COMPENSATED] else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
