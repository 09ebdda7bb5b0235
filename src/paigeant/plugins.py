"""Backends by URL scheme, through entry points: a lookup, so that no code names a backend it does not use."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final
from urllib.parse import unquote

from paigeant.errors import UnknownScheme

EXTRAS: Final = {
    "paigeant.stores": {"postgresql": "postgres"},
    "paigeant.log_stores": {"postgresql": "postgres"},
    "paigeant.transports": {"redis": "redis", "rediss": "redis", "amqp": "rabbitmq", "amqps": "rabbitmq"},
}
"""Schemes of each group that an extra of this package provides, with the extra's name."""

_URL: Final = re.compile(r"[A-Za-z][\w+.-]*://[^\s'\"]*")
_USER: Final = re.compile(r"[\w.%+*~-]*")
_WRONG_PORT: Final = re.compile(r"^((?:\[[^\]]*\]|[^:/?#\[\]]*):)(?!\d{0,5}(?:[/?#,]|:?$))[^/?#]*")
_PORT: Final = r"\1***"
_OPTION: Final = re.compile(r"([?&;])([^=&;#]*)=([^&;#]*)")
_SETTING: Final = re.compile(r"(\w+)\s*=\s*('(?:[^'\\]|\\.)*'?|\S+)")
"""Setting of libpq, such as ``host=db password='a b'``: not a URL, but sometimes pasted as one."""
_SECRET: Final = re.compile(r"pass|pwd|^pw$|secret|token|auth|cred|^(api[-_]?)?key$", re.IGNORECASE)
_PLAIN: Final = frozenset(
    {"host", "port", "user", "username", "database", "dbname", "ssl", "sslmode", "target_session_attrs", "timeout"}
    | {"prepared_statement_cache_size", "krbsrvname", "gsslib", "ssl_ca_certs", "ssl_certfile", "ssl_keyfile"}
    | {"cafile", "capath", "certfile", "keyfile", "no_verify_ssl", "heartbeat", "name", "lose", "duplicate", "seed"}
)
"""URL options without secrets. Of others, such as a misspelt password option, only numbers are shown."""


def redacted(text: str) -> str:
    """Replace the passwords of URLs in a text by ``***``; for every text that is shown to a person.

    It handles all spellings, also in malformed URLs: it removes too much rather than too little.
    """
    return _URL.sub(lambda hit: redacted_url(hit[0]), text)


def redacted_url(url: str) -> str:
    """Return a supposed URL without its passwords, whatever its content."""
    scheme, found, rest = url.partition("://")
    if not found and _SETTING.match(url.lstrip()):
        return " ".join(hit[0] if hit[1] in _PLAIN else f"{hit[1]}=***" for hit in _SETTING.finditer(url))
    if not found and "@" in url:
        return redacted_url(f"://***@{url.rpartition('@')[2]}").removeprefix("://")
    if not found:
        scheme, found, rest = url.partition(":")
        if found and "/" not in scheme:
            return f"{scheme}:***" if rest else url
    if scheme.startswith("sqlite") and rest.startswith("/"):
        return scheme + found + _OPTION.sub(_shown_option, rest)
    user, at, there = rest.rpartition("@")
    if _OPTION.search(user):  # the @ may belong to a user name, to an option's value, or to both
        return f"{scheme}{found}{_WRONG_PORT.sub(_PORT, rest.partition('?')[0])}?***"
    if at:
        name, colon, _ = user.partition(":")
        user = (name if _USER.fullmatch(name) else "***") + (":***" if colon else "")
    there = _OPTION.sub(_shown_option, _WRONG_PORT.sub(_PORT, there))
    address, mark, _ = there.partition("#")
    return f"{scheme}{found}{user}{at}{address}" + ("#***" if mark else "")


def _shown_option(hit: re.Match[str]) -> str:
    mark, key, value = hit.groups()
    name = unquote(key).strip().lower()
    known = name in _PLAIN or (not _SECRET.search(name) and re.fullmatch(r"\d{1,5}|true|false|on|off", value))
    return hit[0] if known else f"{mark}{key}=***"


def load_plugin(group: str, scheme: str, *, url: str | None = None) -> Any:
    """Return the object registered for ``scheme`` in an entry point group such as ``paigeant.stores``.

    Raises :class:`~paigeant.errors.UnknownScheme`, which lists the available schemes and the extra to install.
    """
    kind = group.rpartition(".")[2].removesuffix("s").replace("_", " ")
    found = {point.name: point for point in _installed().select(group=group)}
    extra = EXTRAS.get(group, {}).get(scheme)
    if scheme not in found:
        known = ", ".join(sorted(found)) or "none"
        install = f"; for {scheme}: pip install 'paigeant[{extra}]'" if extra else ""
        text = f"no {kind} plugin for {redacted_url(url) if url else scheme!r}; known schemes: {known}{install}"
        raise UnknownScheme(text)
    try:
        return found[scheme].load()
    except ModuleNotFoundError as error:
        install = f"pip install 'paigeant[{extra}]'" if extra else f"install {error.name!r}"
        text = f"the {kind} plugin {scheme!r} needs a package that is not installed ({error.name}): {install}"
        raise UnknownScheme(text) from error


@cache
def _installed() -> Any:
    """Return the entry points of all packages, read once: each read opens a file of every package."""
    return entry_points()
