"""``paigeant run --reload``: a worker in a process of its own, restarted when a file changes."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Final

from paigeant.cli.exit_codes import HUNG_UP, INTERRUPTED

_LOG: Final = logging.getLogger("paigeant.run")
_LOOK: Final = 0.4
"""Polling interval of the files in seconds."""
_PATIENCE: Final = 10.0
"""Seconds beyond the grace period after which a worker that does not end is killed."""
_IGNORED: Final = frozenset({"__pycache__", "node_modules"})


def supervise(folder: Path, *, grace: float) -> int:
    """Run this same command without ``--reload`` until a signal, again after each change; returns the exit code."""
    hears, alive = os.pipe()  # closed when this process ends, however: the worker detects it
    words = [word for word in sys.argv[1:] if word != "--reload"]
    command = [sys.executable, "-m", "paigeant_start", *words, "--supervised", str(hears)]
    os.set_inheritable(alive, False)
    asked = threading.Event()
    received: list[int] = []

    def on_signal(number: int, frame: FrameType | None) -> None:
        del frame
        received.append(number)
        asked.set()

    for each in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if signal.getsignal(each) is not signal.SIG_IGN:
            signal.signal(each, on_signal)
    while not asked.is_set():
        seen = snapshot(folder)
        worker = subprocess.Popen(command, pass_fds=[hears])  # noqa: S603  (it is this command)
        _wait_for_change(folder, seen, worker, asked)
        _end(worker, grace + _PATIENCE)
        if not asked.is_set():
            _LOG.info("a file changed: starting again")
    return INTERRUPTED if signal.SIGINT in received else HUNG_UP if signal.SIGHUP in received else 0


def end_with_supervisor(hears: int) -> None:
    """Stop this process gracefully when the other end of a pipe is closed: its supervisor was killed."""

    def listen() -> None:
        os.read(hears, 1)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=listen, name="paigeant-supervisor", daemon=True).start()


def snapshot(folder: Path) -> dict[str, int]:
    """Return the Python files below a folder with their modification times."""
    found: dict[str, int] = {}
    for parent, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if name not in _IGNORED and not name.startswith(".")]
        for path in (Path(parent, name) for name in files if name.endswith(".py")):
            try:
                found[str(path)] = path.stat().st_mtime_ns
            except FileNotFoundError:
                continue
    return found


def _wait_for_change(
    folder: Path, seen: dict[str, int], worker: subprocess.Popen[bytes], asked: threading.Event
) -> None:
    ended = False
    while not asked.wait(_LOOK) and snapshot(folder) == seen:
        if not ended and worker.poll() is not None:
            ended = True
            _LOG.info("the worker has ended; it starts again when a file changes")


def _end(worker: subprocess.Popen[bytes], patience: float) -> None:
    if worker.poll() is None:
        worker.terminate()
    try:
        worker.wait(patience)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
