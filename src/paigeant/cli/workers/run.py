"""``paigeant run``: a worker until a stop is requested."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable, Generator, Sequence
from contextlib import AsyncExitStack, contextmanager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated, Final

import typer

from paigeant.abc import Hooks
from paigeant.aio.race import until_first
from paigeant.app import ActivityWorker, Handlers, Paigeant
from paigeant.app.handlers.target import find_target
from paigeant.app.observing.draining import until_drained
from paigeant.app.observing.monitor import Monitor, serve_probes
from paigeant.cli.exit_codes import FAILED, HUNG_UP, INTERRUPTED, exit_code_of
from paigeant.cli.terminal.commands import new_app
from paigeant.cli.terminal.durations import seconds
from paigeant.cli.workers.handlers import NAMED, AppDir, load_named, where
from paigeant.cli.workers.log_output import configure_logs
from paigeant.cli.workers.pipes import forgive_broken_pipes
from paigeant.cli.workers.processes import Supervisor, drained_file
from paigeant.cli.workers.reloading import end_with_supervisor, supervise
from paigeant.config import FILE, PREFIX, Settings, load_settings
from paigeant.errors import PaigeantError
from paigeant.model.events import Event, WorkerStarted
from paigeant.telemetry.output import configure, flush
from paigeant.telemetry.step_context import StepContext

app: typer.Typer = new_app()

_LOG: Final = logging.getLogger("paigeant.run")
LOG_FORMAT: Final = f"{PREFIX}LOG_FORMAT"
_CODES: Final[dict[int, int]] = {signal.SIGINT: INTERRUPTED, signal.SIGHUP: HUNG_UP}
_IDLE: Final = 5.0
"""Idle seconds after which --drain ends."""
_LAST_MOMENT: Final = 5.0
"""Seconds for the process to end after its worker: code still running then cannot be stopped."""


@app.command()
def run(
    handlers: Annotated[str | None, typer.Argument(help=f"{NAMED}; default: `handlers` of {FILE}.")] = None,
    app_dir: AppDir = None,
    activity: Annotated[list[str] | None, typer.Option(help="Serve only this activity; may be repeated.")] = None,
    concurrency: Annotated[
        int | None, typer.Option(min=1, help="How many steps run at a time; default: of the settings, 32.")
    ] = None,
    reload: Annotated[bool, typer.Option("--reload", help="Start again when a .py file of the code changes.")] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=256, help="Run so many worker processes; SIGHUP replaces them one by one.")
    ] = None,
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve /metrics, /health and /ready on this port.")
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="The address to serve them on.")] = "127.0.0.1",
    drain: Annotated[bool, typer.Option("--drain", help="Work until nothing is due, then end with 0.")] = False,
    idle: Annotated[
        float | None, typer.Option(parser=seconds, metavar="SPAN", help="How long nothing is due then; default: 5.")
    ] = None,
    supervised: Annotated[int | None, typer.Option(hidden=True, help="A pipe that ends with the supervisor.")] = None,
    ready_file: Annotated[Path | None, typer.Option(hidden=True, help="Where the metrics port is written.")] = None,
) -> None:
    """Serve activities until SIGTERM or Ctrl-C; a second Ctrl-C gives running steps no time to end."""
    with _telling_errors_as_asked():
        if supervised is not None:
            end_with_supervisor(supervised)
        settings = load_settings()
        named, folder = where(handlers, settings, app_dir)
        configure_logs(settings)  # first, since handlers may log at import
        if reload:
            raise typer.Exit(supervise(find_target(named, folder.absolute()).watched, grace=settings.grace))
        if processes is not None:
            raise typer.Exit(Supervisor(processes, settings.grace).run(metrics_host, metrics_port))
        loaded = load_named(handlers, settings, app_dir)
        loaded.require_activities()
        port = 0 if ready_file is not None else metrics_port
        asked = _Asked(activity or None, concurrency, (metrics_host, port), ready_file, _idle(idle, drain=drain))
        raise typer.Exit(_run(loaded, settings, asked))


def _idle(idle: float | None, *, drain: bool) -> float | None:
    if idle is not None and not drain:
        raise typer.BadParameter("it needs --drain", param_hint="--idle")
    return (_IDLE if idle is None else idle) if drain else None


@dataclass(frozen=True, slots=True)
class _Asked:
    """Options of serving: activities, metrics and ready file, and idle time."""

    activities: Sequence[str] | None
    concurrency: int | None
    metrics: tuple[str, int | None]
    ready_file: Path | None
    idle: float | None


@contextmanager
def _telling_errors_as_asked() -> Generator[None]:
    """Log the error that ends the program as JSON, if ``PAIGEANT_LOG_FORMAT=json`` is set."""
    try:
        yield
    except Exception as error:
        if isinstance(error, typer.Exit) or os.environ.get(LOG_FORMAT, "").lower() != "json":
            raise
        configure("json")
        expected = isinstance(error, PaigeantError)
        _LOG.critical("%s", error, exc_info=None if expected else error)
        raise typer.Exit(exit_code_of(error) if isinstance(error, PaigeantError) else FAILED) from error


def _run(handlers: Handlers, settings: Settings, asked: _Asked) -> int:
    forgive_broken_pipes()
    gc.collect()
    gc.freeze()  # the handlers live as long as the worker
    with asyncio.Runner(loop_factory=_faster_loop()) as runner:
        return runner.run(_serve(handlers, settings, asked))


def _faster_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """Return the factory of uvloop's event loop, if it is installed: it serves brokers faster."""
    return import_module("uvloop").new_event_loop if find_spec("uvloop") else None


@dataclass(slots=True)
class _Stop:
    """Converts signals to stops: gracefully first, at once when repeated."""

    grace: float
    exit_code: int = 0
    asked: int = 0
    worker: ActivityWorker | None = None
    event: asyncio.Event = field(default_factory=asyncio.Event)

    def listen(self, loop: asyncio.AbstractEventLoop) -> None:
        """Handle signals also while a step blocks the event loop, so that the third one always ends the process."""

        def heard(number: int, _: object) -> None:
            self.asked += 1
            self.exit_code = _CODES.get(number, self.exit_code)
            if self.asked > 2 or self.worker is None:  # noqa: PLR2004  (it was asked twice, or nothing runs yet)
                flush()
                os._exit(self.exit_code)
            loop.call_soon_threadsafe(self.on_signal, number)

        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            if signal.getsignal(number) is not signal.SIG_IGN:  # ignored under nohup
                signal.signal(number, heard)

    def on_signal(self, number: int) -> None:
        self.event.set()
        now = self.asked > 1 and number == signal.SIGINT
        text = "stopping now" if now else "stopping: running steps get %g s; Ctrl-C again stops at once"
        _LOG.info(text, *(() if now else (self.grace,)))
        if self.worker is not None:
            self.worker.stop(now=now)


async def _serve(handlers: Handlers, settings: Settings, asked: _Asked) -> int:
    """Serve until a signal, or until all is done; returns the exit code."""
    stop = _Stop(settings.grace)
    stop.listen(asyncio.get_running_loop())
    hooks: list[Hooks] = [StepContext(namespace=settings.namespace)]
    async with AsyncExitStack() as stack:
        monitor = _monitor(settings, asked, hooks, stack)
        paigeant = await stack.enter_async_context(Paigeant(handlers, settings=settings, hooks=hooks))
        serving = paigeant.worker(activities=asked.activities, concurrency=asked.concurrency)
        stop.worker = worker = await stack.enter_async_context(serving)
        if monitor is not None:
            await stack.enter_async_context(monitor.watching(worker, paigeant.store, paigeant.runtime.transport))
        await _until_the_end(stop, worker, paigeant, asked)
    _end_in_time(stop.exit_code)
    return stop.exit_code


def _monitor(settings: Settings, asked: _Asked, hooks: list[Hooks], stack: AsyncExitStack) -> Monitor | None:
    """Serve metrics and probes from now on, if requested; raises ConfigError for a port in use."""
    host, port = asked.metrics
    if port is None:
        return None
    monitor = Monitor(stall=settings.stall_timeout)
    server = stack.enter_context(serve_probes(monitor, host, port))
    hooks.append(monitor.hooks)
    _LOG.info("metrics on http://%s:%d/metrics", host, server.port)
    if asked.ready_file is not None:
        hooks.append(_WriteWhenReady(asked.ready_file, server.port))
    return monitor


class _WriteWhenReady(Hooks):
    wanted_events = (WorkerStarted,)

    def __init__(self, file: Path, port: int) -> None:
        self._file = file
        self._port = port

    def on_event(self, event: Event) -> None:
        del event
        self._file.write_text(str(self._port))


async def _until_the_end(stop: _Stop, worker: ActivityWorker, paigeant: Paigeant, asked: _Asked) -> None:
    """Wait for a signal, for the end of draining, or until nothing is due if requested."""
    ends = [stop.event.wait(), worker.drained()]
    if asked.idle is not None:
        ends.append(until_drained(paigeant.store, worker, asked.idle))
    await until_first(*ends)
    if worker.is_draining and asked.ready_file is not None:
        drained_file(asked.ready_file).touch()  # its supervisor starts no replacement


def _end_in_time(exit_code: int) -> None:
    """Make sure that the process ends, even if a step's thread hangs or its code swallows cancellation.

    Its leases are released or expire; nothing it might still do would be committed.
    """

    def end() -> None:
        _LOG.warning("ending, though code of a step still runs")
        flush()
        os._exit(exit_code)

    last = threading.Timer(_LAST_MOMENT, end)
    last.daemon = True
    last.start()
