"""Clock of a SQLite file: stored times are monotonic, shown times follow the wall clock.

Stored times count with the machine's time since boot, which all its processes share and which no correction of the wall
clock affects: a lease, a delay or an age has its full length, however the clock is set meanwhile. One row has the
origin of that count, and the present offset of the wall clock. Times are shown by the present wall clock:
:class:`~paigeant.sql.schema.types.StoreTime` adds and subtracts the offset.

The row is read in each transaction and updated only by one that writes, so that all processes use the same row without
messages. The count never restarts between two boots. Over a reboot only the wall clock knows the elapsed time: the
count continues from there, and never from before the last time seen in the file.
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
"""Seconds by which the wall clock must differ to count as set: a smaller difference is measurement error."""

_READ: Final = PreparedStatement(select(store_clock.c.boot, store_clock.c.base, store_clock.c.ahead))
_LAST: Final = PreparedStatement(select(func.max(type_coerce(workers.c.seen_at, Double)).label("seen_at")))
"""Time of the last report of a worker, which each makes every few seconds."""


class MachineClock(Protocol):
    """Clocks of a machine. Tests use one that they set."""

    def boot(self) -> str:
        """Return the id of the count of :meth:`elapsed`: it changes with a reboot, and differs between machines."""
        ...

    def elapsed(self) -> float:
        """Return the seconds since boot, including suspended time."""
        ...

    def wall(self) -> float:
        """Return the seconds since 1970 by the wall clock."""
        ...


class _ThisMachine:
    """Clocks of Linux. Other systems lack such a count, and use the wall clock, which then must not be set."""

    def __init__(self) -> None:
        self._count: int = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_REALTIME)
        self._boot = "wall"
        with suppress(OSError):
            boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
            space = Path("/proc/self/ns/time")  # a container may have a time namespace of its own
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
    """Origin of the count since this boot, and the offset of the wall clock."""

    boot: str
    base: float
    ahead: float


class StoreClock:
    """Clock of one file. Any thread may use it, within a transaction of its own."""

    def __init__(self, machine: MachineClock) -> None:
        """Use the clocks of this machine."""
        self._machine = machine

    def begin(self, connection: Connection, namespace: str, *, writes: bool) -> Tx:
        """Return the transaction that this connection has just begun, with times shown by the present wall clock.

        One that ``writes`` stores changes: a reboot, or a set wall clock.
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
        """Return the present time, as shown in the present transaction."""
        place = self._place(driver, _kept(driver))
        return time_at(place.base + self._machine.elapsed())

    def _place(self, driver: Driver, kept: _Place | None) -> _Place:
        """Return the origin of the count: the stored one, or a new one in a new file, after a reboot or a move.

        During a reboot only the wall clock went on. If it is far behind, as without a battery until it is corrected
        from the network, the count continues from the last report of a worker, so that leases need not wait all that
        time again.
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
