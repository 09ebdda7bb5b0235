"""Conversation of an agent, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import indent
from typing import Any, Final, cast

from pydantic import JsonValue
from rich.text import Text

from paigeant.app.calls.conversations import Conversation, place
from paigeant.cli.terminal.console import printable
from paigeant.cli.terminal.timeline import value_text

_SHOWN: Final = 2_000
"""Number of printed characters of a part; --json has all of it."""
_TOLD: Final = {
    "system-prompt": "system",
    "user-prompt": "user",
    "text": "answer",
    "thinking": "thinking",
    "retry-prompt": "try again",
}


def conversation_lines(conversation: Conversation) -> Iterator[Text]:
    """Yield the lines of a conversation, in order, with the speaker of each part."""
    yield Text(f"{place(conversation)}. {printable(conversation.step)}, by pydantic-ai {conversation.library}")
    if conversation.messages is None:
        yield Text(f"not kept: it has {conversation.size:,} bytes", style="yellow")
    for message in conversation.messages or ():
        parts = cast("Mapping[str, Any]", message).get("parts", ()) if isinstance(message, Mapping) else ()
        for part in parts:
            yield from _part(part)


def _part(part: Mapping[str, Any]) -> Iterator[Text]:
    kind = str(part.get("part_kind"))
    match kind:
        case "tool-call":
            who, said = f"calls {part.get('tool_name')}", part.get("args")
        case "tool-return":
            who, said = f"{part.get('tool_name')} returns", part.get("content")
        case _:
            who, said = _TOLD.get(kind, kind), part.get("content")
    yield Text(f"\n{printable(who)}:", style="bold")
    yield Text(indent(_cut(value_text(cast("JsonValue", said))), "    "))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}… ({len(text):,} characters; --json prints all)"
