"""``paigeant run --processes N``: a supervisor that spawns workers, restarts dead ones, and replaces all on SIGHUP."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from time import monotonic, sleep
from types import FrameType
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, build_opener

from paigeant.cli.exit_codes import INTERRUPTED
from paigeant.telemetry.metrics.merging import merge
from paigeant.telemetry.metrics.text import CONTENT_TYPE
from paigeant.telemetry.server import Answer, ProbeServer

_LOG: Final = logging.getLogger("paigeant.run")
PAUSES: Final = (1.0, 60.0)
"""Backoff in seconds before a dead worker is restarted: first delay, doubled up to the last."""

_LOOK: Final = 0.1
_STEADY: Final = 60.0
"""Uptime in seconds after which a worker counts as healthy, and the backoff is reset."""

_STARTS_WITHIN: Final = 60.0
"""Seconds within which a replacement must be ready."""

_PATIENCE: Final = 10.0
"""Seconds beyond the grace period after which a worker that does not end is killed."""

_SCRAPE: Final = 2.0
"""Timeout of a scrape of a worker in seconds."""

_DIRECTLY: Final = build_opener(ProxyHandler({}))
"""HTTP client for workers on this machine, without the environment's proxies."""


def drained_file(ready: Path) -> Path:
    """Return the marker file of a worker that was drained for good, next to its ready file."""
    return ready.with_suffix(".drained")


@dataclass(slots=True)
class _Child:
    """One worker process; it writes its metrics port into ``ready`` once it leases work."""

    number: int
    process: subprocess.Popen[bytes]
    ready: Path
    began: float

    @property
    def port(self) -> int | None:
        """The port of its metrics, None before it is ready."""
        try:
            return int(self.ready.read_text() or 0)
        except (OSError, ValueError):
            return None


class Supervisor:
    """Runs this same command in ``count`` processes until a signal."""

    def __init__(
        self,
        count: int,
        grace: float,
        pauses: tuple[float, float] = PAUSES,
        *,
        starts_within: float = _STARTS_WITHIN,
    ) -> None:
        """Start nothing yet."""
        self._count = count
        self._grace = grace
        self._pauses = pauses
        self._pause = pauses[0]
        self._starts_within = starts_within
        self._children: dict[int, _Child] = {}
        self._due: dict[int, float] = {}
        self._outdated: list[int] = []
        self._newcomer: _Child | None = None
        self._leaving: list[tuple[subprocess.Popen[bytes], float]] = []
        self._has_started = False
        self._drains = "--drain" in sys.argv
        self._signals: list[int] = []
        self._folder = tempfile.TemporaryDirectory(prefix="paigeant-")
        self._serial = 0
        self._hears, alive = os.pipe()  # closed when this process ends, however: the workers detect it
        os.set_inheritable(alive, False)

    def run(self, host: str | None, port: int | None) -> int:
        """Supervise until a signal; returns the exit code. Serves the merged metrics on a port, if given."""
        server = None if port is None else ProbeServer(host or "127.0.0.1", port, self.page)
        for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, self._on_signal)
        try:
            for number in range(self._count):
                self._children[number] = self._spawn(number)
            return self._watch()
        finally:
            self._stop_all(signal.SIGTERM)
            if server is not None:
                server.close()
            self._folder.cleanup()

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        """Only record it: the interrupted code may hold any lock."""
        del frame
        self._signals.append(number)

    def _spawn(self, number: int) -> _Child:
        self._serial += 1
        ready = Path(self._folder.name, f"{self._serial}.port")
        words = [*_without_own_options(sys.argv[1:]), "--supervised", str(self._hears), "--ready-file", str(ready)]
        command = [sys.executable, "-m", "paigeant_start", *words]
        process = subprocess.Popen(command, pass_fds=[self._hears])  # noqa: S603  (it is this command)
        return _Child(number, process, ready, monotonic())

    def _watch(self) -> int:
        while True:
            sleep(_LOOK)
            while self._signals:
                asked = self._signals.pop(0)
                if asked == signal.SIGHUP:
                    self._outdated = sorted(self._children)
                else:
                    self._stop_all(asked)
                    return INTERRUPTED if asked == signal.SIGINT else 0
            code = self._look_after_the_dead()
            if code is not None:
                return code
            self._roll_on()

    def _look_after_the_dead(self) -> int | None:
        """Restart dead workers when it is time; returns the exit code if none has ever started."""
        self._has_started = self._has_started or any(child.port is not None for child in self._children.values())
        for number, child in list(self._children.items()):
            code = child.process.poll()
            if code is None:
                continue
            if not self._has_started and code > 0:
                _LOG.error("worker %d cannot start (exit code %d): stopping", number, code)
                return code
            del self._children[number]
            if code == 0 and (self._drains or drained_file(child.ready).exists()):
                self._count -= 1
                continue
            steady = monotonic() - child.began >= _STEADY
            self._pause = self._pauses[0] if steady else self._pause
            _LOG.error("worker %d ended with %d: starting it again in %g s", number, code, self._pause)
            self._due[number] = monotonic() + self._pause
            self._pause = min(2 * self._pause, self._pauses[1])
        for number, at in list(self._due.items()):
            if monotonic() >= at:
                del self._due[number]
                self._children[number] = self._spawn(number)
        return None if self._children or self._due or self._newcomer else 0

    def _roll_on(self) -> None:
        """Take the next step of replacing workers, one at a time: a new one is ready before the old one stops."""
        self._leaving = [(process, until) for process, until in self._leaving if not _has_left(process, until)]
        new = self._newcomer
        if new is not None:
            self._welcome(new)
        elif self._outdated and not self._leaving:
            number = self._outdated.pop(0)
            if number in self._children or number in self._due:  # it may have been drained meanwhile
                self._newcomer = self._spawn(number)

    def _welcome(self, new: _Child) -> None:
        """Replace the old worker once the new one is ready; if it never is, the old ones stay."""
        if new.port is not None:
            old = self._children.get(new.number)
            self._children[new.number] = new
            self._due.pop(new.number, None)
            if old is not None:
                old.process.terminate()
                self._leaving.append((old.process, monotonic() + self._grace + _PATIENCE))
            _LOG.info("worker %d was replaced", new.number)
        elif new.process.poll() is not None or monotonic() - new.began > self._starts_within:
            _LOG.error("the new worker %d does not start: the old ones go on", new.number)
            _end(new.process, 0)
            self._outdated.clear()
        else:
            return
        self._newcomer = None

    def _stop_all(self, asked: int) -> None:
        children = [child.process for child in self._children.values()]
        children += [process for process, _ in self._leaving]
        if self._newcomer is not None:
            children.append(self._newcomer.process)
        self._children.clear()
        self._leaving.clear()
        self._newcomer = None
        for process in children:
            if process.poll() is None:
                process.send_signal(asked)
        until = monotonic() + self._grace + _PATIENCE
        for process in children:
            _end(process, until - monotonic())

    def page(self, path: str) -> Answer | None:
        """Return the metrics of all workers, with the label ``process``, or their health."""
        answers = {str(child.number): _fetch(child.port, path) for child in list(self._children.values())}
        match path:
            case "/metrics":
                texts = {number: answer.body for number, answer in answers.items() if answer.status == HTTPStatus.OK}
                return Answer(200, CONTENT_TYPE, merge(texts))
            case "/queues":
                return next(iter(answers.values()), None)
            case "/health" | "/ready":
                lacking = self._count - len(answers)
                wrong = [
                    f"{number}: {answer.body.strip()}"
                    for number, answer in answers.items()
                    if answer.status != HTTPStatus.OK
                ]
                wrong += [f"{lacking} of {self._count} workers are down"] if lacking else []
                return Answer(503 if wrong else 200, "text/plain", "; ".join(wrong or ["ok"]) + "\n")
            case _:
                return None


def _fetch(port: int | None, path: str) -> Answer:
    if port is None:
        return Answer(503, "text/plain", "it starts")
    try:
        with _DIRECTLY.open(f"http://127.0.0.1:{port}{path}", timeout=_SCRAPE) as found:
            return Answer(found.status, found.headers["Content-Type"], found.read().decode())
    except HTTPError as error:  # still an answer: its text is the error
        with error:
            return Answer(error.code, "text/plain", error.read().decode())
    except (URLError, OSError) as error:
        return Answer(503, "text/plain", str(error))


def _has_left(process: subprocess.Popen[bytes], until: float) -> bool:
    """True if a worker that was asked to stop has ended; after its time it is killed."""
    if process.poll() is None and monotonic() >= until:
        process.kill()
    return process.poll() is not None


def _end(process: subprocess.Popen[bytes], patience: float) -> None:
    try:
        process.wait(max(patience, 0.1))
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _without_own_options(words: Sequence[str]) -> list[str]:
    """Return the command line without the supervisor's own options."""
    own = ("--processes", "--metrics-port", "--metrics-host")
    left: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word in own:
            skip = True
        elif not word.startswith(tuple(f"{name}=" for name in own)):
            left.append(word)
    return left
