"""What is read from /proc: the CPU time and the memory of processes and of all that they have started.

Standard library only: it also runs in the environments of the peers.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any, Self

TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid: int) -> float:
    """Return the CPU seconds of a process and its descendants, those that have ended included."""
    return sum(_ticks(process) for process in family(pid)) / TICK


def starved(pid: int) -> float:
    """Return for how many seconds a process and its living descendants were ready to run, and had no processor."""
    waits = (_waited(task) for process in family(pid) for task in Path(f"/proc/{process}/task").glob("*/schedstat"))
    return sum(waits) / 1e9


def family(pid: int) -> list[int]:
    """Return the process and its living descendants."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (fields := _stat(int(entry.name))):
            children.setdefault(int(fields[1]), []).append(int(entry.name))
    found = [pid]
    for parent in found:
        found += children.get(parent, [])
    return found


def rss(pid: int) -> float:
    """Return the resident memory of a process and its descendants, in MB; shared pages count once a process."""
    return sum(_resident(process) for process in family(pid))


class Window:
    """What passes between ``with`` and its end: seconds, the CPU of workers and servers, and what they waited for it.

    A run that takes long and uses little, while others use the machine, has no stall: it was ``starved``.
    """

    def __init__(self, workers: Sequence[int], servers: Sequence[int]) -> None:
        """Watch these processes."""
        self._workers = workers
        self._servers = servers

    def __enter__(self) -> Self:
        """Begin."""
        self._waited_before = self._starved()
        self._before = self._used()
        self._began = perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        """End."""
        self.seconds = perf_counter() - self._began
        worker, server = self._used()
        self.worker_cpu = worker - self._before[0]
        self.server_cpu = server - self._before[1]
        self.starved = self._starved() - self._waited_before

    def as_result(self, steps: int) -> dict[str, Any]:
        """Return the throughput, milliseconds of CPU a step, and seconds of waiting for a processor in each second."""
        return {
            "steps": steps,
            "seconds": self.seconds,
            "steps_per_second": steps / self.seconds,
            "worker_ms": 1000 * self.worker_cpu / steps,
            "server_ms": 1000 * self.server_cpu / steps,
            "starved": self.starved / self.seconds,
        }

    def _starved(self) -> float:
        return sum(map(starved, [*self._workers, *self._servers]))

    def _used(self) -> tuple[float, float]:
        return sum(map(cpu, self._workers)), sum(map(cpu, self._servers))


def _stat(pid: int) -> list[str]:
    """Return the fields of /proc/PID/stat behind the name, none if there is no such process."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rpartition(")")[2].split()
    except OSError:
        return []


def _ticks(pid: int) -> int:
    """User and system time, of the process and of the children it has waited for."""
    return sum(int(field) for field in _stat(pid)[11:15])


def _waited(schedstat: Path) -> int:
    """Return the nanoseconds that a thread was ready to run without running, 0 if it has ended."""
    try:
        return int(schedstat.read_text("utf-8").split()[1])
    except OSError:
        return 0


def _resident(pid: int) -> float:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("utf-8").split()[1])
    except OSError:
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
