"""``paigeant dispatch``: start of a run, optionally with a wait for its end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, NamedTuple, TypeVar

import typer

from paigeant.app import Paigeant
from paigeant.cli.budgets import read_budget
from paigeant.cli.custody.tokens import read_token
from paigeant.cli.exit_codes import COMPLETED, FAILED
from paigeant.cli.terminal.asking import ask_within
from paigeant.cli.terminal.commands import ValueCommand, new_app
from paigeant.cli.terminal.console import counted, note, write
from paigeant.cli.terminal.durations import seconds
from paigeant.cli.terminal.payload import read_input, read_lines, read_settings
from paigeant.cli.terminal.progress import display, follow_all, follow_to_end
from paigeant.cli.terminal.report import as_json as run_as_json
from paigeant.cli.terminal.report import show_result
from paigeant.cli.terminal.results import write_json
from paigeant.cli.workers.handlers import NAMED, AppDir, load_named
from paigeant.config import load_settings
from paigeant.errors import InvalidInput
from paigeant.model.runs import RunStatus
from paigeant.model.spending.budgets import Budget

app: typer.Typer = new_app()
T = TypeVar("T")


Budgets = Annotated[
    list[str] | None,
    typer.Option(metavar="USD|JSON", help='What the run may spend: 0.50, or {"tokens": 9000}; may be repeated.'),
]


class _Said(NamedTuple):
    """Options of a run in addition to its input."""

    dispatch_key: str | None
    correlation_id: str | None
    deadline: timedelta | None
    budget: list[Budget]
    token: str | None


@dataclass(frozen=True, slots=True)
class _Order:
    """Workflow and inputs to dispatch, and the options of the wait."""

    workflow: str
    payload: Any
    places: tuple[str, ...]
    said: _Said
    wait: bool
    timeout: float | None
    as_json: bool


TokenFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="A file with the access token of whom the run acts for, or -.")
]


@app.command(cls=ValueCommand)
def dispatch(
    workflow: Annotated[
        str, typer.Argument(metavar="WORKFLOW", help="The workflow's name, as `paigeant workflows` lists it.")
    ],
    source: Annotated[
        str | None,
        typer.Argument(metavar="INPUT", help="JSON, a JSON file, or - for standard input; default: {}."),
    ] = None,
    fields: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A field of the input: JSON, or else text; may be repeated."),
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, showing progress.")] = False,
    timeout: Annotated[
        float | None, typer.Option(parser=seconds, metavar="SPAN", help="How long to wait at most, as 30 or 5m.")
    ] = None,
    dispatch_key: Annotated[str | None, typer.Option(help="The same key gives the same run.")] = None,
    correlation_id: Annotated[
        str | None, typer.Option(help="What ties the run to others, in logs and lists; default: its own id.")
    ] = None,
    handlers: Annotated[str | None, typer.Option(help=f"What declares the workflow. {NAMED}.")] = None,
    app_dir: AppDir = None,
    deadline: Annotated[
        float | None, typer.Option(parser=seconds, metavar="SPAN", help="When the run is ended, as 30 or 1h30m.")
    ] = None,
    budget: Budgets = None,
    obo_token_file: TokenFile = None,
    each: Annotated[bool, typer.Option("--each", help="One run for each line of a JSON Lines file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Start a run of a workflow on a JSON input. Exit codes: 0 completed, 1 ended otherwise, 2 refused, 3 timed out."""
    if timeout is not None and not wait:
        raise typer.BadParameter("it needs --wait", param_hint="--timeout")
    if each:
        _require_none(dispatch_key, deadline, correlation_id, budget)
    places, payload = (_lines if each else _whole)(source, fields)
    due = None if deadline is None else timedelta(seconds=deadline)
    said = _Said(dispatch_key, correlation_id, due, read_budget(budget or ()), read_token(obo_token_file))
    order, work = _Order(workflow, payload, places, said, wait, timeout, as_json), _many if each else _one
    raise typer.Exit(asyncio.run(_with_workflow(lambda application: work(application, order), handlers, app_dir)))


def _require_none(*given: object) -> None:
    if any(one is not None for one in given):
        text = "it takes none of --dispatch-key, --deadline, --correlation-id and --budget"
        raise typer.BadParameter(text, param_hint="--each")


def _whole(source: str | None, fields: list[str] | None) -> tuple[tuple[str, ...], Any]:
    return (), read_settings(fields or (), {} if source is None else read_input(source))


def _lines(source: str | None, fields: list[str] | None) -> tuple[tuple[str, ...], list[Any]]:
    """Return the place of each input, and the inputs."""
    if source is None:
        raise typer.BadParameter("it needs a JSON Lines file, or - for standard input", param_hint="--each")
    lines = [(place, read_settings(fields or (), payload)) for place, payload in read_lines(source)]
    if not lines:
        text = f"{source}: holds no line of JSON, so there is nothing to dispatch"
        raise InvalidInput(text)
    return tuple(place for place, _ in lines), [payload for _, payload in lines]


async def _with_workflow(question: Callable[[Paigeant], Awaitable[T]], handlers: str | None, app_dir: Path | None) -> T:
    """Run the question with these handlers, or those of the settings, to check the input, else without any."""
    settings = load_settings()
    known = handlers is not None or settings.handlers is not None
    return await ask_within(question, load_named(handlers, settings, app_dir) if known else None, settings)


async def _one(application: Paigeant, order: _Order) -> int:
    said = order.said
    run = await application.dispatch(
        order.workflow,
        order.payload,
        dispatch_key=said.dispatch_key,
        deadline=said.deadline,
        correlation_id=said.correlation_id,
        budget=said.budget,
        obo_token=said.token,
    )
    if not order.wait:
        if order.as_json:
            write_json({"workflow_id": run.workflow_id, "status": await run.status()})
        else:
            write(str(run.workflow_id))
        return COMPLETED
    with display(order.workflow) as shown:
        view = await follow_to_end(application, run, shown, order.timeout)
    if order.as_json:
        write_json(run_as_json(view, await run.deeds()))
    else:
        show_result(view)
    return COMPLETED if view.status is RunStatus.COMPLETED else FAILED


async def _many(application: Paigeant, order: _Order) -> int:
    try:
        runs = await application.dispatch_many(order.workflow, order.payload, obo_token=order.said.token)
    except InvalidInput as error:
        if error.index is None:
            raise
        text = f"{order.places[error.index]}: {error.reason}; nothing was dispatched"
        raise InvalidInput(text) from error
    statuses = [(run.workflow_id, RunStatus.PENDING) for run in runs]
    if order.wait:
        note(f"dispatched {counted(len(runs), 'run')}; waiting for the end")
        results = await follow_all(runs, order.timeout)
        statuses = [(result.workflow_id, result.status) for result in results]
    if order.as_json:
        write_json({"runs": [{"workflow_id": key, "status": status} for key, status in statuses], "next": None})
    else:
        for key, status in statuses:
            write(f"{key} {status}" if order.wait else str(key))
    failed = order.wait and any(status is not RunStatus.COMPLETED for _, status in statuses)
    return FAILED if failed else COMPLETED
