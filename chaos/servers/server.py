"""What every server can be made to do: start, die, stop, freeze. Whatever is started here is ended here, by its id."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import Final

PATIENCE: Final = 60.0
"""Seconds that a server may take to start or to stop."""


class Server(ABC):
    """A server process with a folder and a port of its own."""

    name = "server"
    user: str | None = None
    """Whose process it is: this user's, if None."""
    can_be_demoted = False
    """Whether it can go on answering as one that takes no writes, as the old server of a failover does."""

    def __init__(self, folder: Path) -> None:
        """Live in this folder; nothing is started yet."""
        self.folder = folder / self.name
        self.port = free_port()
        self.process: subprocess.Popen[bytes] | None = None

    @property
    @abstractmethod
    def url(self) -> str:
        """Where it answers."""

    @abstractmethod
    def command(self) -> list[str]:
        """What starts it, in the foreground."""

    @abstractmethod
    async def answers(self) -> bool:
        """Tell whether it can be used."""

    def environment(self) -> Mapping[str, str]:
        """Return variables that it is to see."""
        return {}

    async def prepare(self) -> None:
        """Make what must be there before it starts for the first time."""
        self.folder.mkdir(parents=True, exist_ok=True)

    async def start(self) -> None:
        """Start it and wait until it answers; one that ends at once, as after a kill, is started again."""
        end = monotonic() + PATIENCE
        while True:
            if self.process is None or self.process.poll() is not None:
                self._spawn()
            await asyncio.sleep(0.1)
            with suppress(OSError):
                if await self.answers():
                    return
            if monotonic() > end:
                text = f"{self.name} did not start within {PATIENCE:g} s: {self.said()[-2000:]}"
                raise RuntimeError(text)

    async def kill(self) -> None:
        """End it as a power cut would."""
        self._signal(signal.SIGKILL)
        await self._gone()

    async def stop(self) -> None:
        """Ask it to end, and wait; one that does not is killed."""
        if self.process is None:
            return
        for pid in family(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)
        self._ask_to_end()
        try:
            await self._gone()
        except TimeoutError:
            await self.kill()

    def freeze(self) -> None:
        """Stop all of its processes: connections stay open, and nothing is answered."""
        self._tell_family(signal.SIGSTOP)

    def thaw(self) -> None:
        """Let them go on."""
        self._tell_family(signal.SIGCONT)

    async def demote(self) -> None:
        """Take no writes any more, on no connection that is made from now on; those that there are end."""
        raise NotImplementedError

    async def promote(self) -> None:
        """Take writes again, on connections that are made from now on, if only on those."""
        raise NotImplementedError

    def said(self) -> str:
        """Return what it said."""
        log = self.folder / "said.log"
        return log.read_text(errors="replace") if log.exists() else ""

    def _spawn(self) -> None:
        with (self.folder / "said.log").open("ab") as log:
            self.process = subprocess.Popen(
                self.command(),
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                cwd=self.folder,
                env={**os.environ, **self.environment()},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def _ask_to_end(self) -> None:
        self._signal(signal.SIGTERM)

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)

    def _tell_family(self, number: signal.Signals) -> None:
        if self.process is not None:
            for pid in family(self.process.pid):
                with suppress(ProcessLookupError):
                    os.kill(pid, number)

    async def _gone(self) -> None:
        end = monotonic() + PATIENCE / 2
        while self.process is not None and self.process.poll() is None:
            if monotonic() > end:
                text = f"{self.name} does not end"
                raise TimeoutError(text)
            await asyncio.sleep(0.02)


def family(root: int) -> list[int]:
    """Return a process and all that descend from it, as far as they are alive."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found = [root]
    for pid in found:
        found += children.get(pid, [])
    return found


def _parents() -> Iterator[tuple[int, int]]:
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError, IndexError, ValueError):
                # The name, in parentheses, may hold anything; what follows it may not.
                yield int(entry.name), int((entry / "stat").read_text().rpartition(")")[2].split()[1])


def free_port() -> int:
    """Return a port at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
