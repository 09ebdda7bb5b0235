"""The store's time in a SQLite file: counted as nobody can set it, shown as the wall clock shows it.

What stands in the file is counted by the machine's time since it was started, which all its processes share and which
no correction of the wall clock touches: a lease, a delay or an age takes as long as it says, however the clock is set
meanwhile. One row says where that count begins, and by how much the wall clock lies ahead of it by now. Times are shown
by the present wall clock: :class:`~paigeant.sql.schema.types.StoreTime` adds and takes off the difference.

The row is read in each transaction and changed only by one that writes, so that all processes go by the same row and
none has to be informed. Within one run of the machine the count is never restarted. Over a restart only the wall
clock can say how long it took: the count goes on from there, and never from before what the file has seen.
"""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from sqlalchemy import Connection, Double, func, select, type_coerce

from paigeant.sql.execution.drivers import Driver
from paigeant.sql.execution.prepared import PreparedStatement
from paigeant.sql.execution.transaction import Tx
from paigeant.sql.schema.installation import store_clock, workers
from paigeant.sql.schema.types import SHOWN, time_at

STEP: Final = 1.0
"""Seconds by which the wall clock must have moved against the count to count as set: less is how it is read."""

_READ: Final = PreparedStatement(select(store_clock.c.boot, store_clock.c.base, store_clock.c.ahead))
_LAST: Final = PreparedStatement(select(func.max(type_coerce(workers.c.seen_at, Double)).label("seen_at")))
"""When a worker was last seen, as each reports of itself every few seconds."""


class MachineClock(Protocol):
    """What a machine knows of time. A test has one that it sets."""

    def boot(self) -> str:
        """Return what names the count of :meth:`elapsed`: another one after a restart, or on another machine."""
        ...

    def elapsed(self) -> float:
        """Return the seconds since the machine was started, those that it slept too."""
        ...

    def wall(self) -> float:
        """Return the seconds since 1970, as the machine believes at present."""
        ...


class _ThisMachine:
    """The clocks of Linux. Elsewhere there is no such count, and the wall clock serves as one: it must not be set."""

    def __init__(self) -> None:
        self._count: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_REALTIME)
        self._boot = "wall"
        with suppress(OSError):
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            space = Path("/proc/self/ns/time")  # a container may count in a time namespace of its own
            self._boot = f"{boot} {space.readlink() if space.is_symlink() else ''}".strip()
        if self._boot == "wall":
            self._count = time.CLOCK_REALTIME

    def boot(self) -> str:
        return self._boot

    def elapsed(self) -> float:
        return time.clock_gettime(self._count)

    def wall(self) -> float:
        return time.clock_gettime(time.CLOCK_REALTIME)


THIS_MACHINE: Final[MachineClock] = _ThisMachine()


class _Place(NamedTuple):
    """Where the count of this run of the machine begins, and how far the wall clock lies ahead of the file's times."""

    boot: str
    base: float
    ahead: float


class StoreClock:
    """Tells the time of one file. Any thread may ask; each within a transaction of its own."""

    def __init__(self, machine: MachineClock) -> None:
        """Go by the clocks of this machine."""
        self._machine = machine

    def begin(self, connection: Connection, namespace: str, *, writes: bool) -> Tx:
        """Return the transaction that this connection has just begun, its times shown by the present wall clock.

        One that ``writes`` keeps what has changed: that the machine was restarted, or its wall clock set.
        """
        tx = Tx.of(connection, namespace, self.now)
        kept = _kept(tx.driver)
        place = self._place(tx.driver, kept)
        elapsed = self._machine.elapsed()
        ahead = self._machine.wall() - (place.base + elapsed)
        if abs(ahead - place.ahead) > STEP:
            place = place._replace(ahead=round(ahead, 3))
        if writes and place != kept:
            tx.upsert(store_clock, [{"number": 1, **place._asdict()}])
        SHOWN.ahead = place.ahead
        return tx.at(time_at(place.base + elapsed))

    def now(self, driver: Driver) -> datetime:
        """Return the time at this moment, as a transaction that has begun shows times."""
        place = self._place(driver, _kept(driver))
        return time_at(place.base + self._machine.elapsed())

    def _place(self, driver: Driver, kept: _Place | None) -> _Place:
        """Return where the count lies: as it is kept, or restarted in a new file, after a restart, on another machine.

        While the machine was off only its wall clock went on. If that lies far behind, as one without a battery does
        until the net corrects it, the count goes on from when a worker was last seen, rather than wait all that again.
        """
        boot = self._machine.boot()
        if kept is not None and kept.boot == boot:
            return kept
        ahead = 0.0 if kept is None else kept.ahead
        last = driver.rows(_LAST, {})[0].seen_at or 0.0
        begin = max(self._machine.wall() - ahead, last)
        return _Place(boot, begin - self._machine.elapsed(), ahead)


def _kept(driver: Driver) -> _Place | None:
    rows = driver.rows(_READ, {})
    return _Place(*rows[0]) if rows else None
