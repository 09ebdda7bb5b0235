"""Histories of agents: whether what is read of them is what was signed with the steps that have left them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

from paigeant.engine.custody.keys import load_records
from paigeant.engine.runtime import Runtime
from paigeant.model.hops import Leased

Found: TypeAlias = Mapping[tuple[str, int], str | None]
"""Digests of histories by place, None for one that was not read."""

RequireHistories: TypeAlias = Callable[[Leased, Found, bool], Awaitable[None]]


async def require_histories(runtime: Runtime, leased: Leased, found: Found, whole: bool) -> None:  # noqa: FBT001  (as the judge has it)
    """Return if these are what was signed, and, if they are ``whole`` of the run, none is missing.

    Raises TamperedMessage, UnknownKey and Unavailable.
    """
    if runtime.codec.signs:
        records = await load_records(runtime, leased.grant.key.workflow_id)
        runtime.codec.judge_histories(leased, records, found, whole=whole)
