"""A hop that may wait for a person."""

from __future__ import annotations

from typing import Protocol


class WaitingHop(Protocol):
    """A hop, its owner, and its wait reason."""

    # ruff: noqa: D102 -- the columns have the names of the hop's
    @property
    def owner(self) -> object | None: ...
    @property
    def status(self) -> str: ...
    @property
    def reason(self) -> str | None: ...
