"""``paigeant run``: a worker, until it is asked to stop."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from paigeant.app import ActivityWorker, Handlers, Paigeant
from paigeant.app.handlers.target import find_target
from paigeant.app.upkeep.log_lines import open_sink
from paigeant.cli.exit_codes import FAILED, HUNG_UP, INTERRUPTED, exit_code_of
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.workers.handlers import NAMED, AppDir, load_named, where
from paigeant.cli.workers.pipes import forgive_broken_pipes
from paigeant.cli.workers.reloading import end_with_supervisor, supervise
from paigeant.config import FILE, PREFIX, Settings, load_settings
from paigeant.errors import PaigeantError
from paigeant.telemetry.output import configure, flush
from paigeant.telemetry.step_context import StepContext

app: typer.Typer = new_app()

_LOG: Final = logging.getLogger("paigeant.run")
LOG_FORMAT: Final = f"{PREFIX}LOG_FORMAT"
_CODES: Final[dict[int, int]] = {signal.SIGINT: INTERRUPTED, signal.SIGHUP: HUNG_UP}
_LAST_MOMENT: Final = 5.0
"""Seconds for the process to end once the worker has: what still runs then is code that cannot be stopped."""


@app.command()
def run(
    handlers: Annotated[str | None, typer.Argument(help=f"{NAMED}; default: `handlers` of {FILE}.")] = None,
    app_dir: AppDir = None,
    activity: Annotated[list[str] | None, typer.Option(help="Serve only this activity; may be repeated.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="How many steps run at a time; default: of the settings, 32.")
    ] = None,
    reload: Annotated[bool, typer.Option("--reload", help="Start again when a .py file of the code changes.")] = False,
    supervised: Annotated[int | None, typer.Option(hidden=True, help="A pipe that ends with the supervisor.")] = None,
) -> None:
    """Serve activities until SIGTERM or Ctrl-C; a second Ctrl-C gives running steps no time to end."""
    with _telling_errors_as_asked():
        if supervised is not None:
            end_with_supervisor(supervised)
        settings = load_settings()
        named, folder = where(handlers, settings, app_dir)
        _configure_logs(settings)  # first, for the handlers may log while they are imported
        if reload:
            raise typer.Exit(supervise(find_target(named, folder.absolute()).watched, grace=settings.grace))
        loaded = load_named(handlers, settings, app_dir)
        loaded.require_activities()
        raise typer.Exit(_run(loaded, settings, activity, concurrency))


def _configure_logs(settings: Settings) -> None:
    file = None if settings.log_file is None else settings.folder / Path(settings.log_file).expanduser()
    sink = open_sink(settings)
    configure(settings.log_format, settings.log_level, file, () if sink is None else (sink,))


@contextmanager
def _telling_errors_as_asked() -> Generator[None]:
    """Make a line of the log of the error that ends the program, where ``PAIGEANT_LOG_FORMAT=json`` was asked for."""
    try:
        yield
    except Exception as error:
        if isinstance(error, typer.Exit) or os.environ.get(LOG_FORMAT, "").lower() != "json":
            raise
        configure("json")
        expected = isinstance(error, PaigeantError)
        _LOG.critical("%s", error, exc_info=None if expected else error)
        raise typer.Exit(exit_code_of(error) if isinstance(error, PaigeantError) else FAILED) from error


def _run(handlers: Handlers, settings: Settings, activity: list[str] | None, concurrency: int | None) -> int:
    forgive_broken_pipes()
    _spare_the_collector()
    with asyncio.Runner(loop_factory=_faster_loop()) as runner:
        return runner.run(_serve(handlers, settings, activity or None, concurrency))


def _spare_the_collector() -> None:
    """Let the garbage collector look less often, and not at what is loaded by now, which stays as long as the worker.

    Steps under way are many objects that live for a while and go without it. Looking at them as often as Python does by
    default costs a sixth of a worker's time; what is in a cycle waits for some megabytes more.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 100)


def _faster_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return what makes uvloop's event loop, if it is installed: it serves brokers faster."""
    return import_module("uvloop").new_event_loop if find_spec("uvloop") else None


@dataclass(slots=True)
class _Stop:
    """Turns signals into stopping: gracefully first, at once when repeated."""

    grace: float
    exit_code: int = 0
    asked: int = 0
    worker: ActivityWorker | None = None
    event: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Hear signals also while a step blocks the event loop, so that the third one always ends the process."""

        def heard(number: int, _: object) -> None:
            self.asked += 1
            self.exit_code = _CODES.get(number, self.exit_code)
            if self.asked > 2 or self.worker is None:  # noqa: PLR2004  (it was asked twice, or nothing runs yet)
                flush()
                os._exit(self.exit_code)
            loop.call_soon_threadsafe(self.on_signal, number)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # as nohup has it
                signal.signal(number, heard)

    def on_signal(self, number: int) -> None:
        self.event.set()
        now = self.asked > 1 and number == signal.SIGINT
        text = "stopping now" if now else "stopping: running steps get %g s; Ctrl-C again stops at once"
        _LOG.info(text, *(() if now else (self.grace,)))
        if self.worker is not None:
            self.worker.stop(now=now)


async def _serve(
    handlers: Handlers, settings: Settings, activities: Sequence[str] | None, concurrency: int | None
) -> int:
    """Serve until a signal; returns the exit code."""
    stop = _Stop(settings.grace)
    stop.listen(asyncio.get_running_loop())
    paigeant = Paigeant(handlers, settings=settings, hooks=StepContext(namespace=settings.namespace))
    async with paigeant, paigeant.worker(activities=activities, concurrency=concurrency) as worker:
        stop.worker = worker
        await stop.event.wait()
    _end_in_time(stop.exit_code)
    return stop.exit_code


def _end_in_time(exit_code: int) -> None:
    """See to it that the process ends, though a step's thread hangs or its code swallows cancellation.

    What it had leased is released or runs out; nothing that it might still do would be committed.
    """

    def end() -> None:
        _LOG.warning("ending, though code of a step still runs")
        flush()
        os._exit(exit_code)

    last = threading.Timer(_LAST_MOMENT, end)
    last.daemon = True
    last.start()
