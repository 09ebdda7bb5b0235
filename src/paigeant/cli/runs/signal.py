"""``paigeant signal``: signals to runs that wait, or are going to wait, for them."""

from __future__ import annotations

from collections.abc import Sequence
from difflib import get_close_matches
from typing import Annotated, Any, Final
from uuid import UUID

import typer

from paigeant.app import Paigeant, Signal
from paigeant.app.operating.bulk import Order, Verb
from paigeant.cli.exit_codes import COMPLETED, FAILED
from paigeant.cli.runs.many import DryRun, MostRuns, Where, Yes, asked_for, do_to_many
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.chosen import Last, RunId, chosen, shifted
from paigeant.cli.terminal.commands import ValueCommand, new_app
from paigeant.cli.terminal.console import note, printable, write
from paigeant.cli.terminal.payload import STDIN, read_input, read_lines, read_value
from paigeant.cli.terminal.results import write_json
from paigeant.errors import InvalidInput
from paigeant.model.stored.signals import Receipt

app: typer.Typer = new_app()

_SAID: Final = {
    Receipt.MET: "it waited for {name}, and goes on",
    Receipt.KEPT: "{name} is kept until the run waits for it",
    Receipt.REPEATED: "{name} was sent with this --id before; nothing is changed",
}


@app.command(cls=ValueCommand)
def signal(
    workflow_id: RunId = None,
    name: Annotated[str | None, typer.Argument(metavar="NAME", help="The signal's name.")] = None,
    payload: Annotated[
        str | None, typer.Argument(metavar="JSON|-", help="What it carries: JSON, or else a text; - is stdin.")
    ] = None,
    key: Annotated[
        str | None, typer.Option("--id", metavar="KEY", help="Of those with the same key a run counts one.")
    ] = None,
    each: Annotated[
        str | None,
        typer.Option(
            metavar="FILE.jsonl", help="One signal for each line: {workflow_id, name, payload, signal_id}; - is stdin."
        ),
    ] = None,
    last: Last = False,
    where: Where = None,
    limit: MostRuns = 10_000,
    dry_run: DryRun = False,
    yes: Yes = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Send a signal to a run, or with --each or --where to many. Exit codes: 0 taken, 1 not all taken, 2 refused."""
    if each is not None:
        if workflow_id is not None or key is not None or last or where:
            raise typer.BadParameter("it takes no run, name, payload or --id beside it", param_hint="--each")
        raise typer.Exit(_send_each(each, as_json=as_json))
    workflow_id, name, payload = shifted(workflow_id, name, payload, last=last or bool(where))
    if name is None:
        raise typer.BadParameter("say which signal, as `paigeant signal ID approved`", param_hint="NAME")
    carried = None if payload is None else read_input(STDIN) if payload == STDIN else read_value(payload)
    if where:
        asked = asked_for(where, workflow_id, last)
        order = Order(verb=Verb.SIGNAL, where=asked, name=name, payload=carried, signal_id=key)
        do_to_many(order, limit, dry_run=dry_run, yes=yes, as_json=as_json)
        return
    _send(workflow_id, name, carried, key, as_json=as_json)


def _send(workflow_id: str | None, name: str, carried: Any, key: str | None, *, as_json: bool) -> None:
    async def question(app: Paigeant) -> tuple[UUID, Receipt, tuple[str, ...]]:
        run = await chosen(app, workflow_id)
        receipt = await run.signal(name, carried, signal_id=key)
        return run.workflow_id, receipt, await run.awaited_signals() if receipt is Receipt.KEPT else ()

    identity, receipt, awaited = ask(question)
    if as_json:
        write_json({"workflow_id": identity, "name": name, "receipt": receipt})
        return
    note(f"run {identity}: {_SAID[receipt].format(name=printable(name))}")
    if receipt is Receipt.KEPT and name not in awaited:
        note(f"no wait for {printable(name)} is ahead of it; {_waits(name, awaited)}")


def _waits(name: str, awaited: Sequence[str]) -> str:
    if not awaited:
        return "it has no wait at all ahead; only a step that parks could still take the signal"
    near = get_close_matches(name, awaited, n=1)
    return f"did you mean {near[0]!r}? " * bool(near) + f"It waits, or will wait, for: {', '.join(awaited)}"


def _send_each(source: str, *, as_json: bool) -> int:
    signals = [_read(place, line) for place, line in read_lines(source)]
    receipts: Sequence[Receipt] = ask(lambda app: app.signal_many(signals)) if signals else ()
    answers = list(zip(signals, receipts, strict=True))
    if as_json:
        rows = [{"workflow_id": one.workflow_id, "name": one.name, "receipt": receipt} for one, receipt in answers]
        write_json({"signals": rows})
    else:
        for one, receipt in answers:
            write(f"{one.workflow_id} {one.name} {receipt}")
    return FAILED if any(receipt.refused for receipt in receipts) else COMPLETED


def _read(place: str, line: Any) -> Signal:
    try:
        return Signal.of(line)
    except InvalidInput as error:
        raise InvalidInput(f"{place}: {error}") from error
