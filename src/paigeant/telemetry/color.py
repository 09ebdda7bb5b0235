"""Choice of colour: the environment decides for every output, a program's log and its results."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TextIO


def wants_color(stream: TextIO, environ: Mapping[str, str] = os.environ) -> bool:
    """True for output in colour: ``FORCE_COLOR`` and ``NO_COLOR`` decide, then ``TERM=dumb``, then the stream."""
    if environ.get("FORCE_COLOR"):
        return True
    return not environ.get("NO_COLOR") and environ.get("TERM") != "dumb" and stream.isatty()
