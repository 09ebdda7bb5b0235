"""SQLAlchemy's dialects by name. Each is loaded when it is first used: half of a start's SQL is the other one's."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any, Final

from sqlalchemy import Dialect, make_url

_URLS: Final = {"sqlite": "sqlite://", "postgresql": "postgresql+asyncpg://"}


@cache
def dialect_of(name: str) -> Dialect:
    """Return the dialect as our drivers speak it."""
    return make_url(_URLS[name]).get_dialect()()


@cache
def insert_of(name: str) -> Any:
    """Return the dialect's own INSERT, which knows what to do on a conflict."""
    return import_module(f"sqlalchemy.dialects.{name}").insert
