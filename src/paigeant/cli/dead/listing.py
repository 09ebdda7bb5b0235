"""``paigeant dead list|show``: dead letters, and the fault of each."""

from __future__ import annotations

import sys
from typing import Annotated, Final, TypeAlias

import typer

from paigeant.app import Paigeant
from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import note, printable, width_of, write
from paigeant.cli.terminal.listing import Cell, Column, listed
from paigeant.cli.terminal.places import nothing_in
from paigeant.cli.terminal.results import write_json, write_lines
from paigeant.cli.terminal.timeline import clock
from paigeant.config import load_settings
from paigeant.model.stored.dead_letters import DeadLetter, LetterPage

LetterId: TypeAlias = Annotated[int, typer.Argument(metavar="ID", help="As `paigeant dead list` shows it.")]

_NAME: Final = 60
"""Number of shown characters of a message id in the table."""

_COLUMNS: Final = (
    Column("id"),
    Column("reason"),
    Column("activity", rank=1),
    Column("last came", rank=2),
    Column("times", rank=4),
    Column("bytes", rank=5),
    Column("message_id", rank=3),
)

_SHOWN: Final = 2_000
"""Number of shown bytes of a body; --raw writes all of it, --json has it as base64."""


def list_letters(
    topic: Annotated[str | None, typer.Option(help="Only those that came for this activity.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[str | None, typer.Option(help="The `next` of the page before.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {dead_letters, next}.")] = False,
) -> None:
    """List dead letters, newest first."""
    settings = load_settings()

    async def question(app: Paigeant) -> tuple[LetterPage, bool]:
        page = app.administration.list_dead_letters(topic=topic, limit=limit, after=after)
        return await page, app.is_there

    page, there = ask(question, settings=settings)
    if as_json:
        write_json(page)
        return
    if not page.dead_letters:
        note(nothing_in(settings, "no dead letters", there=there))
        return
    write_lines(listed(_COLUMNS, [_row(letter) for letter in page.dead_letters], width_of(sys.stdout)))
    if page.next:
        note(f"there are more: --after {page.next}")


def show(
    letter_id: LetterId,
    raw: Annotated[bool, typer.Option("--raw", help="Write its bytes to stdout, and nothing else.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; the bytes are base64.")] = False,
) -> None:
    """Show a dead letter: what is wrong with it, and how it begins."""
    letter = ask(lambda app: app.administration.get_dead_letter(letter_id))
    if raw:
        sys.stdout.buffer.write(letter.body)
    elif as_json:
        write_json(letter)
    else:
        _show(letter)


def _row(letter: DeadLetter) -> list[Cell]:
    came, topic, name = clock(letter.seen_at), printable(letter.topic), printable(_short(letter.message_id))
    return [str(letter.id), str(letter.reason), topic, came, f"{letter.count:,}", f"{letter.size:,}", name]


def _short(name: str) -> str:
    """Return a name, cut if it is not one of ours."""
    return name if len(name) <= _NAME else f"{name[: _NAME - 1]}…"


def _show(letter: DeadLetter) -> None:
    facts = {
        "id": str(letter.id),
        "activity": letter.topic,
        "message_id": letter.message_id,
        "reason": f"{letter.reason}: {letter.detail}",
        "came": _came(letter),
        "bytes": f"{letter.size:,}" if letter.whole else f"{letter.size:,}, of which {len(letter.body):,} are here",
    }
    for name, fact in facts.items():
        write(f"{name + ':':12}{printable(fact)}")
    beginning = letter.body[:_SHOWN].decode(errors="backslashreplace")
    more = f"\n… ({len(letter.body):,} bytes are here; --raw writes them all)" if len(letter.body) > _SHOWN else ""
    write(f"\n{printable(beginning)}{more}")


def _came(letter: DeadLetter) -> str:
    if letter.count == 1:
        return f"once, at {clock(letter.created_at)}"
    return f"{letter.count:,} times, first at {clock(letter.created_at)}, last at {clock(letter.seen_at)}"
