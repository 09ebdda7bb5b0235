"""``paigeant dead replay``: repeated publication of dead letters."""

from __future__ import annotations

from typing import Annotated, Final

import typer

from paigeant.cli.exit_codes import FAILED
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import note, printable
from paigeant.cli.terminal.durations import seconds
from paigeant.cli.terminal.results import write_json
from paigeant.model.stored.dead_letters import Fate, Replayed

_SAID: Final = {
    Fate.SENT: "published again; its run goes on",
    Fate.PASSED: "its run is past it; there was nothing to do, and it is dropped",
    Fate.QUEUED: "the store has it queued already; its run goes on when it is due, or with `paigeant retry`",
    Fate.RETURNED: "published again, and it came back: {detail}",
    Fate.UNANSWERED: "published again, and no worker has taken it so far; does one serve {topic}?",
    Fate.CUT: "not replayed: only its head is here; the whole message is with the broker's dead letters",
    Fate.STUCK: "not replayed: PAIGEANT_TRANSPORT names no broker, and the store has recorded no such message",
}

_PATIENCE: Final = 3.0


def replay_letters(
    ids: Annotated[list[int], typer.Argument(metavar="ID...", help="As `paigeant dead list` shows them.")],
    timeout: Annotated[
        float | None,
        typer.Option(parser=seconds, metavar="SPAN", help="How long to wait for those that come back; default: 3s."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {replayed}.")] = False,
) -> None:
    """Publish dead letters again, as they came, and say what became of them; exits 1 if one came back.

    One that is the message of a run's pending step is dropped here. All others stay until they are dropped.
    """
    patience = _PATIENCE if timeout is None else timeout
    replayed = ask(lambda app: app.administration.replay_dead_letters(ids, patience=patience))
    if as_json:
        write_json({"replayed": [_as_json(one) for one in replayed]})
    else:
        for one in replayed:
            note(f"dead letter {one.letter.id}: {_said(one)}")
    if any(one.fate.failed for one in replayed):
        raise typer.Exit(FAILED)


def _said(one: Replayed) -> str:
    letter = one.letter
    return printable(_SAID[one.fate].format(detail=letter.detail, topic=letter.topic))


def _as_json(one: Replayed) -> dict[str, object]:
    letter = one.letter
    return {
        "id": letter.id,
        "topic": letter.topic,
        "message_id": letter.message_id,
        "fate": one.fate,
        "detail": _said(one),
    }
