"""Tools that are called at most once: a call that began and did not end is not made again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final, cast

from paigeant.abc import Call, StepSession
from paigeant.activities.calls.recorded import stored_key
from paigeant.agents.durable.deferred import outcome_of

_NULL: Final = b"null"


@dataclass(frozen=True, slots=True)
class ToolRules:
    """Rules in a tool's ``metadata={"paigeant": …}``; tools that need approval are at-most-once by default."""

    at_most_once: bool | None = None


def is_at_most_once(rules: ToolRules, cache_key: tuple[object, ...]) -> bool:
    """True if a tool's call must not be made twice."""
    if rules.at_most_once is not None:
        return rules.at_most_once
    definition: Any = getattr(cache_key[3], "tool_def", cache_key[3])
    return getattr(definition, "kind", None) == "unapproved"


def guarded(
    session: StepSession, call: Call, body: Callable[[], Awaitable[object]], cache_key: tuple[object, ...]
) -> Callable[[], Awaitable[object]]:
    """Return the body of a call that records its begin, and its failure.

    If an earlier attempt has begun and neither ended nor failed, its result is unknown: a person is asked.
    """

    async def once() -> object:
        attempt = 0
        while await session.recall(_mark(call, "began", attempt)) is not None:
            if await session.recall(_mark(call, "failed", attempt)) is None:
                arguments = cast("dict[str, Any]", cache_key[1])
                said = await outcome_of(session, call.key, str(cache_key[0]), arguments)
                return {"kind": "tool_return", "result": said}
            attempt += 1
        await session.record(_mark(call, "began", attempt), _NULL)
        try:
            return await body()
        except Exception:
            await session.record(_mark(call, "failed", attempt), _NULL)
            raise

    return once


def _mark(call: Call, what: str, attempt: int) -> Call:
    return Call(stored_key(f"{what} {attempt} {call.key}"), kind="mark", title=f"{call.title}: {what}")
