"""Ten mails to a support desk, and a worker that is killed in the middle of a refund. `make demo` runs it."""

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from email import message_from_string
from email.utils import parseaddr
from pathlib import Path
from time import monotonic
from typing import Any

import models
import shop
from board import Board, commands
from checks import Interrupted, check

from paigeant import ActivityRegistry, Paigeant, PaigeantError, Run, RunResult
from paigeant.config import load_settings

HERE = Path(__file__).resolve().parent
STATE = HERE / ".paigeant"
LOG = STATE / "worker.log"
PATIENCE = 600.0 if models.CHOSEN else 60.0

WHERE = {"PAIGEANT_STORE", "PAIGEANT_TRANSPORT", "PAIGEANT_NAMESPACE"}
"""What is taken from the environment; without it everything is in one SQLite file."""

REFUNDS, LATE = 3, 20.0
"""How many refunds the bank has done when the worker is killed, or after how many seconds if there are too few."""


class Broken(Exception):
    """The demo cannot go on."""


class Worker:
    """`paigeant run handlers.py`, as a process of its own."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it; it writes to the log."""
        with LOG.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "paigeant", "run", "handlers.py"],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for the demo, which stops the worker
            )

    def kill(self) -> None:
        """SIGKILL: it cannot say goodbye."""
        if self._process:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """Let running steps end, then be sure."""
        if self._process and self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()

    def must_live(self) -> None:
        """Raise Broken if it has ended by itself."""
        if self._process and self._process.poll() is not None:
            raise Broken("the worker has ended by itself")


@contextmanager
def working(worker: Worker) -> Generator[Worker]:
    """Run the worker while inside, whatever happens."""
    try:
        worker.start()
        yield worker
    finally:
        worker.stop()


def read(ticket: Path) -> dict[str, str]:
    """Return the input of the run for one mail."""
    mail = ticket.read_text("utf-8")
    return {"mail": mail, "sender": parseaddr(message_from_string(mail)["From"])[1]}


async def published(app: Paigeant, worker: Worker) -> None:
    """Wait until the worker has told the store what it serves; whoever dispatches need not import any handlers."""
    end = monotonic() + PATIENCE
    while "support" not in await app.store.list_plans():
        worker.must_live()
        if monotonic() > end:
            raise Broken("the worker does not start")
        await asyncio.sleep(0.05)


async def answer(app: Paigeant, board: Board) -> None:
    """Be the person who is asked: `paigeant approvals approve ID` does the same."""
    for asked in (await app.approvals.list()).approvals:
        about = asked.metadata if isinstance(asked.metadata, dict) else {}
        what = f"{about.get('amount')} EUR for {about.get('customer')}'s {about.get('item')}"
        with suppress(PaigeantError):  # the worker that asks may have died, and ask again
            await app.approvals.approve(asked.id, by="the owner")
            board.say(f"\n  a person lets the desk pay back {what}\n", "bold yellow")


async def watch(app: Paigeant, runs: dict[str, Run], worker: Worker, board: Board) -> set[Interrupted]:
    """Watch all runs to their end, and kill the worker once on the way; returns the steps that it was in."""
    begun = monotonic()
    interrupted: set[Interrupted] = set()
    while True:
        views = {ticket: await run.view() for ticket, run in runs.items()}
        board.show(views)
        await answer(app, board)
        if all(view.status.final for view in views.values()):
            return interrupted
        if not interrupted and is_time(views, monotonic() - begun):
            worker.kill()
            views = {ticket: await run.view() for ticket, run in runs.items()}
            steps = running(views)
            interrupted = set(steps)
            where = ", ".join(steps.values()) or "none, between two steps"
            board.say(f"\n  kill -9: the worker died in {where}\n  another takes over\n", "bold red")
            worker.start()
        worker.must_live()
        if monotonic() - begun > PATIENCE:
            raise Broken(f"not all runs have ended after {PATIENCE:g} s")
        await asyncio.sleep(0.03)


def is_time(views: Mapping[str, Any], seconds: float) -> bool:
    """Tell whether to kill the worker: when the bank has moved money, which takes it longer to say than to do.

    A real model may grant few refunds, or none; then any step will do.
    """
    ended = sum(view.status.final for view in views.values())
    late = seconds > LATE or ended * 2 >= len(views)
    return len(shop.moves()) >= REFUNDS or (late and bool(running(views)))


def running(views: Mapping[str, Any]) -> dict[Interrupted, str]:
    """Return the steps that are being executed, and how to call them."""
    return {
        (ticket, step.position): f"{step.step} of {ticket}"
        for ticket, view in views.items()
        for step in view.steps
        if step.status == "running"
    }


async def story(board: Board) -> tuple[dict[str, RunResult], list[tuple[str, bool]]]:
    """Run it all; returns how each ticket ended and what was checked."""
    tickets = sorted((HERE / "tickets").glob("*.txt"))
    with working(Worker()) as worker, board:
        async with Paigeant(ActivityRegistry()) as app:
            await published(app, worker)
            runs = {ticket.stem: await app.dispatch("support", read(ticket)) for ticket in tickets}
            interrupted = await watch(app, runs, worker, board)
            results = {ticket: await run.result() for ticket, run in runs.items()}
            listed = (await app.runs(limit=1000)).runs
    known = {str(run.workflow_id) for run in listed}
    return results, list(check(results, known, interrupted))


def prepare() -> None:
    """Begin afresh in this folder, whatever the environment or an earlier demo left, but with its store and broker."""
    for name in [name for name in os.environ if name.startswith("PAIGEANT_") and "_DEMO_" not in name]:
        if name not in WHERE:
            del os.environ[name]
    os.environ["PAIGEANT_LEASE"] = "3"  # what the dead worker held is to be taken over soon
    os.chdir(HERE)
    shutil.rmtree(STATE, ignore_errors=True)
    STATE.mkdir()
    shop.find_order("")
    if "PAIGEANT_STORE" in os.environ:
        os.environ.setdefault("PAIGEANT_NAMESPACE", f"demo-{secrets.token_hex(4)}")  # earlier runs stay out of sight
        asyncio.run(Paigeant(settings=load_settings()).administration.upgrade_schema())


async def interruptible(board: Board) -> tuple[dict[str, RunResult], list[tuple[str, bool]]]:
    """Let a SIGTERM end the story as Ctrl-C does: with the worker stopped."""
    task = asyncio.ensure_future(story(board))
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    return await task


def main() -> int:
    came_from, begun, board = Path.cwd(), monotonic(), Board()
    try:
        models.check()
        prepare()
        board.say(models.described(), "bold")
        results, checks = asyncio.run(interruptible(board))
    except (asyncio.CancelledError, KeyboardInterrupt):
        board.say("stopped, and the worker with it")
        return 130
    except models.Unusable as error:
        board.say(f"error: {error}", "red")
        return 2
    except (Broken, PaigeantError) as error:
        said = LOG.read_text("utf-8").splitlines()[-20:] if LOG.exists() else []
        board.say("\n".join([f"error: {error}", *said]), "red")
        return 1
    board.say("\nHow each ticket ended:", "bold")
    board.results(results)
    board.say("\nNothing lost, nothing done twice:", "bold")
    for sentence, true in checks:
        board.say(f"  {'ok ' if true else 'NOT'} {sentence}", None if true else "bold red")
    undone = [result for result in results.values() if result.status == "compensated"]
    shown = next(iter([*undone, *results.values()]))
    board.say(f"\n{monotonic() - begun:.1f} s. Where to look next:", "bold")
    for command in commands(HERE, came_from, str(shown.workflow_id)):
        board.say(f"  {command}")
    return 0 if all(true for _, true in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
