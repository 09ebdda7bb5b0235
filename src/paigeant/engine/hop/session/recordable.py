"""Limits of what a step records."""

from __future__ import annotations

import re

from paigeant.abc import Call
from paigeant.errors import ResultError
from paigeant.model.limits import DEPTH, KEY_LENGTH, KEY_PATTERN, VALUE_BYTES
from paigeant.model.values.nesting import nesting


def check_recordable(step: str, call: Call, json: bytes) -> None:
    """Raise ResultError for a call of a step whose key or result cannot be recorded."""
    if re.fullmatch(KEY_PATTERN, call.key) is None:
        text = f"a checkpoint's key is 1 to {KEY_LENGTH} characters, none a control character; not {call.key[:40]!r}"
    elif len(json) > VALUE_BYTES:
        text = f"{call.label} came to {len(json):,} bytes; at most {VALUE_BYTES:,} are recorded"
    elif (depth := nesting(json)) > DEPTH:
        text = f"{call.label} nests {depth} levels deep; at most {DEPTH} are recorded"
    else:
        return
    raise ResultError(f"step {step!r}: {text}")
