"""Keys and fingerprints of an agent's calls: persisted, so that they must not change between versions."""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Sequence
from typing import Any, Final
from weakref import WeakKeyDictionary

from pydantic_ai import RunContext
from pydantic_ai.messages import ModelMessage

from paigeant.abc import StepSession
from paigeant.activities.calls.fingerprints import DIGITS, digest
from paigeant.activities.calls.recorded import ENCLOSING, stored_key
from paigeant.model.values.json_text import to_json

_SAID: Final = ("part_kind", "content", "tool_name", "args", "tool_call_id")
"""Stable fields of a part. Its ids and times, and fields of newer library versions, differ between attempts."""


def run_id(session: StepSession, step: str) -> str:
    """Return the id of the next run within the enclosing call: the same in each attempt of the step.

    It is numbered within that call: when an outer call is replayed, runs within it are not started.
    """
    place = f"{step}:{session.epoch}:{ENCLOSING.get()}"
    return f"{place}:{session.count(place) + 1}"


def key_of(session: StepSession, name: str, step: str, context: RunContext[Any] | None) -> tuple[str, int]:
    """Return the key of a call, and its number among those of its name.

    A tool's call has the id that the model gave it, which is in the replayed response: it does not depend on the order
    in which concurrent tools finish. Every other call is numbered within its run.
    """
    run = (context.run_id or "") if context is not None else ENCLOSING.get()
    key = f"{name}@{run.removeprefix(f'{step}:')}"  # the step is part of the row's key already
    if context is not None and context.tool_call_id:
        key = f"{key}/{context.tool_call_id}#{context.retry}"
    number = session.count(key)
    if context is None or not context.tool_call_id or number:
        key = f"{key}.{number}"
    return stored_key(key), number


class EarlierMessages:
    """Digest of the earlier messages of a run. Each request extends it: to begin anew would be quadratic."""

    def __init__(self) -> None:
        """Begin with no messages."""
        self._messages: Sequence[ModelMessage] = ()
        self._digest = hashlib.sha256()

    def digest_of(self, messages: Sequence[ModelMessage]) -> str:
        """Return the digest of these messages; it begins anew if they are not those of before, and more."""
        known = len(self._messages)
        if known > len(messages) or not all(map(operator.is_, self._messages, messages)):
            known, self._digest = 0, hashlib.sha256()
        for each in messages[known:]:
            for part in each.parts:
                self._digest.update(_said(part))
        self._messages = messages
        return self._digest.hexdigest()[:DIGITS]


_EARLIER: Final[WeakKeyDictionary[StepSession, dict[str, EarlierMessages]]] = WeakKeyDictionary()
"""Earlier messages of each run of a step."""


def earlier_messages(session: StepSession, context: RunContext[Any] | None) -> EarlierMessages:
    """Return the earlier messages of a run."""
    run = "" if context is None else context.run_id or ""
    return _EARLIER.setdefault(session, {}).setdefault(run, EarlierMessages())


def fingerprint(messages: Sequence[ModelMessage], earlier: EarlierMessages) -> str:
    """Return the fingerprint of a request: a digest of all messages but the last, and one of each part of the last.

    System prompts are left out: they may contain today's date.
    """
    *before, last = messages
    words = [f"an-earlier-message:{earlier.digest_of(before)}"]
    for part in last.parts:
        if part.part_kind != "system-prompt":
            name: str | None = getattr(part, "tool_name", None)
            label = part.part_kind if name is None else f"{part.part_kind}({''.join(name.split())})"
            words.append(f"{label}:{digest(_said(part))}")
    return " ".join(words)


def _said(part: Any) -> bytes:
    if part.part_kind == "system-prompt":
        return b""
    content: Any = getattr(part, "content", None)
    if isinstance(content, str):  # most are, and this is quicker
        rest = [getattr(part, name, None) for name in _SAID if name != "content"]
        return content.encode(errors="surrogatepass") + to_json(rest)
    said = [getattr(part, name, None) for name in _SAID]
    return to_json(said, fallback=lambda value: type(value).__qualname__, inf_nan_mode="constants")


def size_of(message: ModelMessage) -> int:
    """Return the approximate size of a message in bytes."""
    instructions: str | None = getattr(message, "instructions", None)
    system = sum(len(part.content) for part in message.parts if part.part_kind == "system-prompt")
    return system + len(instructions or "") + sum(len(_said(part)) for part in message.parts)
