"""Backends by URL scheme, through entry points: a mere look-up, so that nothing names a backend it does not use."""

from __future__ import annotations

import re
from functools import cache
from importlib.metadata import entry_points
from typing import Any, Final

from paigeant.errors import UnknownScheme

EXTRAS: Final = {
    "paigeant.stores": {"postgresql": "postgres"},
    "paigeant.transports": {"redis": "redis", "rediss": "redis", "amqp": "rabbitmq", "amqps": "rabbitmq"},
}
"""Schemes of a group that an extra of this package brings, and its name."""

_PASSWORD: Final = re.compile(
    r"(?<=://)([^/?#\s]*?):[^/?#\s]*@|([?&](?:password|passwd|secret|token)=)[^&\s]*", re.IGNORECASE
)


def redacted(text: str) -> str:
    """Return the text with the passwords of the URLs in it replaced by ``***``; for whatever is shown to a person."""
    return _PASSWORD.sub(lambda hit: f"{hit[2]}***" if hit[2] else f"{hit[1]}:***@", text)


def load_plugin(group: str, scheme: str, *, url: str | None = None) -> Any:
    """Return what is registered for ``scheme`` in an entry point group such as ``paigeant.stores``.

    Raises :class:`~paigeant.errors.UnknownScheme`, which lists the schemes there are and the extra to install.
    """
    kind = group.rpartition(".")[2].removesuffix("s")
    found = {point.name: point for point in _installed().select(group=group)}
    extra = EXTRAS.get(group, {}).get(scheme)
    if scheme not in found:
        known = ", ".join(sorted(found)) or "none"
        install = f"; for {scheme}: pip install 'paigeant[{extra}]'" if extra else ""
        text = f"no {kind} plugin for {redacted(url or scheme)!r}; known schemes: {known}{install}"
        raise UnknownScheme(text)
    try:
        return found[scheme].load()
    except ModuleNotFoundError as error:
        install = f"pip install 'paigeant[{extra}]'" if extra else f"install {error.name!r}"
        text = f"the {kind} plugin {scheme!r} needs a package that is not installed ({error.name}): {install}"
        raise UnknownScheme(text) from error


@cache
def _installed() -> Any:
    """Return what all packages offer: looked for once, since each look reads a file of every package."""
    return entry_points()
