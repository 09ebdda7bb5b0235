"""Ids of runs as people type them: complete, or an unambiguous prefix."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID

from paigeant.abc import RunReader
from paigeant.errors import UnknownRun
from paigeant.model.values.showing import shown
from paigeant.plugins import redacted_url

_DIGITS: Final = 32
_SHOWN: Final = 10
"""Number of runs that an error lists."""


async def find_run_id(beginning: str, reader: RunReader) -> UUID:
    """Return the id with this prefix; raises UnknownRun for none, and for several, which it lists."""
    digits = str(beginning).strip().lower().replace("-", "")
    if not re.fullmatch(r"[0-9a-f]{1,32}", digits):
        raise no_run_id(str(beginning))
    if len(digits) == _DIGITS:
        return UUID(digits)
    first, last = (UUID(digits.ljust(_DIGITS, digit)) for digit in "0f")
    found = await reader.find_runs(first, last, limit=_SHOWN + 1)
    if len(found) == 1:
        return found[0].workflow_id
    if not found:
        raise UnknownRun(f"no run has an id that begins with {beginning!r}")
    named = ", ".join(f"{run.workflow_id} ({run.workflow}, {run.status})" for run in found[:_SHOWN])
    more = ", and more" if len(found) > _SHOWN else ""
    raise UnknownRun(f"{beginning!r} is the beginning of several ids: {named}{more}; type some more of it")


def read_run_id(given: str | UUID) -> UUID:
    """Parse a run id; raises UnknownRun for an invalid one."""
    try:
        return given if isinstance(given, UUID) else UUID(given)
    except (ValueError, AttributeError, TypeError) as error:
        raise no_run_id(str(given)) from error


def no_run_id(given: str) -> UnknownRun:
    """Return the error for a text that is neither an id nor a prefix of one."""
    return UnknownRun(f"no run {shown(given)}: a workflow_id looks like 01890a5d-ac96-774b-bcce-b302099a8057")


async def find_newest_run_id(reader: RunReader, url: str) -> UUID:
    """Return the id of the newest run; raises UnknownRun, naming the store by its ``url``, if there is none."""
    page = await reader.list_runs(limit=1)
    if not page.runs:
        raise UnknownRun(f"there is no run yet in {redacted_url(url)}")
    return page.runs[0].workflow_id
