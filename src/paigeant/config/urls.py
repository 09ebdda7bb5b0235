"""URLs in settings: refused if different parsers would split them differently."""

from __future__ import annotations

import re
from typing import Any, Final
from urllib.parse import SplitResult, urlsplit

from paigeant.plugins import redacted_url

_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


def check_url(value: Any) -> Any:
    """Return a URL unchanged; raises ValueError for an invalid or ambiguous one."""
    if isinstance(value, str):
        if value != value.strip():
            text = "there are blanks or line breaks around it"
            raise ValueError(text)
        parts = urlsplit(value)
        if not parts.scheme or "://" not in value:
            text = "it is no URL: a scheme and :// are missing"
            raise ValueError(text)
        if not value.startswith(f"{parts.scheme}:"):
            text = f"schemes are written in small letters: {parts.scheme}://"
            raise ValueError(text)
        if _UNPRINTABLE.search(value):
            text = "it is no URL: there is a character in it that cannot be printed; write it as %XX"
            raise ValueError(text)
        _check_address(parts)
        if "#" in value and not parts.scheme.startswith("sqlite"):
            text = "what follows a # would be left out; write it as %23"
            raise ValueError(text)
        if parts.scheme == "sqlite" and parts.netloc:
            text = f"a relative path needs three slashes: sqlite:///{redacted_url(value).partition('://')[2]}"
            raise ValueError(text)
    return value


def _check_address(parts: SplitResult) -> None:
    """Refuse an ambiguous address, in which a part of a password could be parsed as the host."""
    try:
        _ = parts.port
    except ValueError:
        text = "the port is no number from 0 to 65535; write / ? # @ of a password as %XX"
        raise ValueError(text) from None
    if parts.scheme.startswith(("sqlite", "memory")):
        return
    beyond_host = parts.path + parts.query + parts.fragment
    if parts.netloc.count("@") > 1 or "@" in beyond_host or re.search(r"\s", parts.geturl()):
        text = "there is an @ or a space where none may be; write / ? # @ and spaces of a name or password as %XX"
        raise ValueError(text)
