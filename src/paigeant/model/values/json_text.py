"""JSON text of values: the same text for a value, with every version of pydantic.

Inputs are compared by their digests, and signatures cover one exact text. Versions of pydantic differ in one spelling:
numbers from 1e16 on are ``1e22`` or ``1e+22``. The stored text has the shorter one.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import pydantic_core

_PLUS: Final = re.compile(rb'("[^"\\]*+(?:\\.[^"\\]*+)*+")|(?<=[0-9])e\+(?=[0-9])', re.DOTALL)
"""A string, which stays unchanged, or the beginning of an exponent."""


def to_json(value: Any, *, fallback: Callable[[Any], Any] | None = None, **options: Any) -> bytes:
    """Return the JSON text of a value; the options are those of pydantic's function of the same name."""
    return one_spelling(pydantic_core.to_json(value, fallback=fallback, **options))  # noqa: TID251  (here it is made the same)


def one_spelling(json: bytes) -> bytes:
    """Return a JSON text that pydantic wrote, with numbers spelled in one way."""
    return json if b"e+" not in json else _PLUS.sub(lambda found: found[1] or b"e", json)
