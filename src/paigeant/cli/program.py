"""Program: the list of commands, their common options, and their ends."""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from importlib.metadata import version
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup
from typer.main import get_command

from paigeant.cli.exit_codes import COMPLETED, FAILED, INTERRUPTED, REFUSED, exit_code_of
from paigeant.cli.terminal.console import note, prepare_streams, printable
from paigeant.cli.usage import usage_text
from paigeant.errors import PaigeantError

COMMANDS: Final = {
    "init": ("upkeep.init", "Make a small project that runs at once."),
    "run": ("workers.run", "Serve activities: a worker."),
    "dispatch": ("runs.dispatch", "Start a run of a workflow."),
    "runs": ("runs.list", "List runs, newest first."),
    "show": ("runs.show", "Show a run: steps, attempts, errors."),
    "logs": ("workers.logs", "Show the log lines of a run, or of all."),
    "graph": ("workers.graph", "Draw a workflow, or a run, as a picture for Mermaid."),
    "approvals": ("approvals", "List and answer what steps ask of people."),
    "cost": ("runs.cost", "Show what was spent on models."),
    "why": ("runs.why", "Say why a run stands where it stands."),
    "top": ("workers.top", "Show what needs a person, and the queues, live."),
    "serve": ("workers.serve", "Serve the HTTP API and the dashboard."),
    "tokens": ("access", "Give, list and revoke tokens for `paigeant serve`."),
    "check": ("workers.check", "Find mistakes in workflows before they run."),
    "workflows": ("workers.workflows", "List what can be dispatched."),
    "workers": ("fleet", "List the workers that are up, or let one end."),
    "cancel": ("runs.cancel", "Cancel a run, and undo it if asked."),
    "terminate": ("runs.terminate", "End a run at once, without undoing anything."),
    "retry": ("runs.retry", "Go on from where a run failed or waits."),
    "fork": ("runs.fork", "Start a run from the middle of another one."),
    "variables": ("runs.variables", "Print or set the variables of a run."),
    "signal": ("runs.signal", "Send a signal to a run that may wait for it."),
    "identity": ("custody.identity", "Renew the identity for which a run acts."),
    "audit": ("custody.audit", "Verify what was signed of runs."),
    "keys": ("custody.keys", "Make keys that sign, and publish their public halves."),
    "dead": ("dead", "List, replay or drop messages that could not be run."),
    "prune": ("upkeep.prune", "Delete runs that ended long ago."),
    "doctor": ("upkeep.doctor", "Check the installation, and say how to fix it."),
    "config": ("upkeep.config", "Show the settings and where each came from."),
    "schema": ("upkeep.schema", "Print the JSON Schema of paigeant.yaml, for editors."),
    "db": ("upkeep.db", "Upgrade or check the database's schema."),
}
"""Commands in the order of the help: the module of each, whose ``app`` is the command, and its help."""


class Commands(TyperGroup):
    """Loads a command's module on demand: ``paigeant runs`` needs no migrations, ``--version`` no store."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names, in the order of the help."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return the command of this name."""
        del ctx
        return get_command(import_module(f"paigeant.cli.{COMMANDS[cmd_name][0]}").app) if cmd_name in COMMANDS else None

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands without loading any."""
        del ctx
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in COMMANDS.items()])

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        """Find the command, or suggest the probably intended one."""
        if args and args[0] not in COMMANDS:
            close = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean {close[0]!r}?" if close else f"known: {', '.join(COMMANDS)}"
            ctx.fail(f"no command {args[0]!r}; {hint}")
        return super().resolve_command(ctx, args)


app: typer.Typer = typer.Typer(
    name="paigeant",
    cls=Commands,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"paigeant {version('paigeant')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def paigeant(
    context: typer.Context,
    show_version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show the traceback of an error (or PAIGEANT_DEBUG=1).")
    ] = False,
) -> None:
    """Durable workflows of pydantic-ai agents and plain functions."""
    del show_version, debug
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())
        raise typer.Exit(REFUSED)


def main() -> None:
    """Run the command that ``sys.argv`` asks for, and exit with its code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command; an error becomes a line or two, or JSON under ``--json``; returns the exit code."""
    prepare_streams()
    try:
        return _run(arguments)
    except (BrokenPipeError, SystemExit) as error:
        if isinstance(error, SystemExit) and not isinstance(error.__context__, BrokenPipeError):
            raise
        _forget_broken_pipes()  # the reader is gone; typer exits with 1 for that
        return COMPLETED


def _run(arguments: Sequence[str]) -> int:
    debug = "--debug" in arguments or os.environ.get("PAIGEANT_DEBUG", "0") not in {"", "0"}
    as_json = "--json" in arguments
    try:
        code = app([word for word in arguments if word != "--debug"], prog_name="paigeant", standalone_mode=False)
        sys.stdout.flush()
        sys.stderr.flush()
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        raise
    except Exception as error:  # noqa: BLE001  (the last to catch anything)
        if debug:
            traceback.print_exc()
        return _report(error, as_json=as_json)
    return code if isinstance(code, int) else COMPLETED


def _forget_broken_pipes() -> None:
    """Discard pending output, or the interpreter would report the broken pipe at its end."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _report(error: Exception, *, as_json: bool) -> int:
    """Print an error; returns the exit code."""
    kind = type(error).__name__
    match error:
        case PaigeantError():
            text, code = str(error), exit_code_of(error)
        case typer.TyperException():
            kind, text, code = "UsageError", usage_text(error), error.exit_code
        case OSError():
            text, code = f"{error.strerror or error}" + (f": {error.filename}" if error.filename else ""), REFUSED
        case _:
            first = (str(error).splitlines() or [""])[0]
            text, code = f"unexpected {kind}: {first}; run again with --debug to see where", FAILED
    if as_json:
        from paigeant.cli.terminal.results import write_json  # noqa: PLC0415  (loads pydantic and rich)

        write_json({"error": {"type": kind, "message": text}})
    else:
        note(f"error: {printable(text)}")
    return code
