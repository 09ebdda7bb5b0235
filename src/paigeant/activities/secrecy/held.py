"""Secrets that running steps hold, and masking of texts that contain them.

They are known to the whole process as long as a step holds them: a line that a library logs from a thread of its own
must not show them either. Only a value in its original form can be found: a base64 encoding or a part of it is not
masked.
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
"""Minimum of characters of a masked text: a shorter one would match everywhere."""

_PLAIN: Final = frozenset({"true", "false", "null", "None", "True", "False"})


class _Process:
    """Secrets that all steps of the process hold: each text with its number of holders; the texts, longest first."""

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
    """Secrets that one execution of a step holds, by the names under which it received them."""

    def __init__(self) -> None:
        """Start without secrets."""
        self._texts: dict[str, str] = {}

    def hold(self, name: str, value: Any) -> None:
        """Hold a value: each text and number in it that is long enough is masked from now on."""
        new = {text: name for text in dict.fromkeys(_forms(value)) if text not in self._texts}
        self._texts |= new
        _PROCESS.add(new)

    def __bool__(self) -> bool:
        """True if there are any."""
        return bool(self._texts)

    def release(self) -> None:
        """Release all secrets."""
        if self._texts:
            _PROCESS.remove(self._texts)
            self._texts = {}

    def found_in(self, json: bytes) -> str | None:
        """Return the name of a held secret whose text is in a JSON text; None if there is none."""
        if not self._texts:
            return None
        text = json.decode(errors="replace")
        return next((name for held, name in self._texts.items() if held in text), None)


def holds_any() -> bool:
    """True if any step of this process holds a secret now."""
    return bool(_PROCESS.texts)


def masked(text: str) -> str:
    """Replace the secrets that running steps of this process hold by ``***``."""
    for held in _PROCESS.texts:
        if held in text:
            text = text.replace(held, HIDDEN)
    return text


def masked_json(json: bytes) -> bytes:
    """Mask held secrets in a JSON text: within strings, and whole numbers."""
    if not _PROCESS.texts:
        return json
    text = json.decode()
    if not any(held in text for held in _PROCESS.texts):
        return json
    return to_json(masked_value(from_json(json)))


def masked_value(value: Any) -> Any:
    """Mask held secrets in JSON data or another shown value: within strings, and whole numbers."""
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
    """Yield the texts by which a value is found: the text itself, and its JSON form."""
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
