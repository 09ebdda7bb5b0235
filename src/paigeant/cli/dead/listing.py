"""``paigeant dead list|show``: what lies there, and what is wrong with it."""

from __future__ import annotations

import sys
from typing import Annotated, Final, TypeAlias

import typer
from rich.table import Table

from paigeant.cli.terminal.asking import ask
from paigeant.cli.terminal.console import console, note, printable, write
from paigeant.cli.terminal.timeline import clock
from paigeant.config import load_settings
from paigeant.model.stored.dead_letters import DeadLetter, LetterPage
from paigeant.plugins import redacted_url

LetterId: TypeAlias = Annotated[int, typer.Argument(metavar="ID", help="As `paigeant dead list` shows it.")]

_NAME: Final = 60
"""Characters of a message's id in a line of the table."""

_SHOWN: Final = 2_000
"""Bytes of a body that are shown; --raw writes all of it, --json has it as base64."""


def list_letters(
    topic: Annotated[str | None, typer.Option(help="Only those that came for this activity.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 50,
    after: Annotated[str | None, typer.Option(help="The `next` of the page before.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON: {dead_letters, next}.")] = False,
) -> None:
    """List dead letters, newest first."""
    settings = load_settings()
    page = ask(
        lambda app: app.administration.list_dead_letters(topic=topic, limit=limit, after=after), settings=settings
    )
    if as_json:
        write(page.model_dump_json())
        return
    if not page.dead_letters:
        note(f"no dead letters in {redacted_url(settings.store)}, namespace {settings.namespace}")
        return
    console().print(_table(page))
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
        write(letter.model_dump_json())
    else:
        _show(letter)


def _table(page: LetterPage) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for heading in ("id", "last came", "times", "activity", "reason", "bytes", "message_id"):
        table.add_column(heading, no_wrap=heading in {"id", "last came", "reason"}, overflow="fold")
    for letter in page.dead_letters:
        table.add_row(
            str(letter.id),
            clock(letter.seen_at),
            f"{letter.count:,}",
            printable(letter.topic),
            str(letter.reason),
            f"{letter.size:,}",
            printable(_short(letter.message_id)),
        )
    return table


def _short(name: str) -> str:
    """Return a name of ours as it is, and the beginning of what a stranger calls himself."""
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
