"""Place of a command's store, for messages about missing things."""

from __future__ import annotations

from paigeant.config import Settings
from paigeant.plugins import redacted_url


def place(settings: Settings) -> str:
    """Return the store and the namespace, without a password."""
    return f"{redacted_url(settings.store)}, namespace {settings.namespace}"


def nothing_in(settings: Settings, what: str, *, there: bool) -> str:
    """Describe that there is no such thing, or that there is nothing at all yet."""
    if there:
        return f"{what} in {place(settings)}"
    return f"there is nothing yet: {redacted_url(settings.store)} is made by the first `paigeant dispatch` or `run`"
