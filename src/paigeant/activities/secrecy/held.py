"""Secrets that running steps hold, and the texts from which they are taken out.

They are known to the whole process, as long as a step holds them: a line that a library logs from a thread of its own
must not show them either. Only a value as it is can be found. What a program makes of it, as base64 or a half, is not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from threading import Lock
from typing import Any, Final, cast

from pydantic_core import from_json

from paigeant.model.secrecy.secrets import HIDDEN
from paigeant.model.values.json_text import to_json

SHORTEST: Final = 4
"""Characters of a text that is looked for, at least: a shorter one is found everywhere."""

_PLAIN: Final = frozenset({"true", "false", "null", "None", "True", "False"})


class _Process:
    """What all steps of the process hold: each text with how many hold it, and those to look for, the longest first."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts = Counter[str]()
        self.texts: tuple[str, ...] = ()

    def add(self, texts: Iterable[str]) -> None:
        with self._lock:
            self._counts.update(list(texts))
            self._sort()

    def remove(self, texts: Iterable[str]) -> None:
        with self._lock:
            self._counts.subtract(list(texts))
            self._counts += Counter[str]()
            self._sort()

    def _sort(self) -> None:
        self.texts = tuple(sorted(self._counts, key=len, reverse=True))


_PROCESS: Final = _Process()


class HeldSecrets:
    """The secrets that one execution of a step holds, by the names under which it got them."""

    def __init__(self) -> None:
        """Hold none."""
        self._texts: dict[str, str] = {}

    def hold(self, name: str, value: Any) -> None:
        """Hold a value: each text and number in it that is long enough is kept out of what is said."""
        new = {text: name for text in dict.fromkeys(_forms(value)) if text not in self._texts}
        self._texts |= new
        _PROCESS.add(new)

    def release(self) -> None:
        """Hold none any more."""
        if self._texts:
            _PROCESS.remove(self._texts)
            self._texts = {}

    def found_in(self, json: bytes) -> str | None:
        """Return the name of a secret whose text is in a JSON text; None if none is."""
        if not self._texts:
            return None
        text = json.decode(errors="replace")
        return next((name for held, name in self._texts.items() if held in text), None)


def holds_any() -> bool:
    """Tell whether any step of this process holds a secret at the moment."""
    return bool(_PROCESS.texts)


def masked(text: str) -> str:
    """Return a text with ``***`` in the place of whatever a running step of this process holds."""
    for held in _PROCESS.texts:
        if held in text:
            text = text.replace(held, HIDDEN)
    return text


def masked_json(json: bytes) -> bytes:
    """Return a JSON text in which what is held is masked, as JSON: within texts, and whole numbers."""
    if not _PROCESS.texts:
        return json
    text = json.decode()
    if not any(held in text for held in _PROCESS.texts):
        return json
    return to_json(masked_value(from_json(json)))


def masked_value(value: Any) -> Any:
    """Return JSON data, or anything that is shown, with what is held masked within its texts, and whole numbers."""
    if isinstance(value, dict):
        return {masked(str(name)): masked_value(each) for name, each in cast("dict[Any, Any]", value).items()}
    if isinstance(value, list | tuple):
        return [masked_value(each) for each in cast("list[Any]", value)]
    if isinstance(value, str):
        return masked(value)
    if value is None or isinstance(value, bool):
        return value
    text = str(value)
    return HIDDEN if masked(text) != text else value


def _forms(value: Any) -> Iterator[str]:
    """Yield the texts by which a value is found: as it is, and as JSON has it."""
    for text in _leaves(value):
        if len(text) >= SHORTEST and text not in _PLAIN:
            yield text
            yield to_json(text).decode()[1:-1]
            yield repr(text)[1:-1]


def _leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for each in cast("dict[Any, Any]", value).values():
            yield from _leaves(each)
    elif isinstance(value, list | tuple):
        for each in cast("list[Any]", value):
            yield from _leaves(each)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)
