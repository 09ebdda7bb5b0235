"""Recorded calls of functions: no later attempt of the step makes them again."""

from __future__ import annotations

import asyncio
import inspect
import re
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from decimal import Decimal
from functools import partial
from time import monotonic
from typing import Any, Final, NamedTuple, TypeAlias, cast

from pydantic import TypeAdapter
from pydantic_core import from_json

from paigeant.abc import Call, StepSession
from paigeant.activities.calls.fingerprints import digest
from paigeant.activities.shapes import serialise
from paigeant.errors import ResultError, Terminal
from paigeant.model.limits import KEY_PATTERN
from paigeant.model.spending.charges import Charge
from paigeant.model.values.shapes import ANYTHING, UnknownShape, adapter
from paigeant.model.values.showing import shown

ENCLOSING: Final[ContextVar[str]] = ContextVar("paigeant_call", default="")
"""Digest of the key of the enclosing call. Calls within calls are numbered inside of it: when an outer
call is replayed, its inner calls are not made at all."""

CUSTOM: Final = "custom"
"""Provider and model of a charge for a call that is not a model request."""

_NAME: Final = 100
"""Limit of characters in a checkpoint's name."""

_NAMES: Final = re.compile(rf"[^\x00-\x1f\x7f\ud800-\udfff]{{1,{_NAME}}}")


Cost: TypeAlias = Decimal | float | None
"""US dollars; None if the price is not known: it is not free."""


class Spent(NamedTuple):
    """Cost of a call, as a value or as a function of the call's result; tokens: of the input, and of the output."""

    cost: Cost | Callable[[Any], Cost] = None
    tokens: int | tuple[int, int] | Callable[[Any], int | tuple[int, int]] = 0


def stored_key(key: str) -> str:
    """Return the key under which a call is recorded: the key itself, or its digest if it is too long or not plain text.

    A model may give its calls arbitrary ids.
    """
    if re.fullmatch(KEY_PATTERN, key):
        return key
    return f"sha256:{digest(_bytes(key))}{digest(_bytes(key[::-1]))}"


def _bytes(text: str) -> bytes:
    return text.encode(errors="surrogatepass")


def unreadable(call: Call) -> Terminal:
    """Return the fault of a call whose checkpoint is no longer valid JSON."""
    cure = "to make the step's calls again: paigeant retry ID --afresh"
    what = call.title or call.key
    return Terminal(f"{what} cannot be read from its checkpoint: somebody has altered it; {cure}")


def _types(shape: Any, name: str) -> TypeAdapter[Any]:
    try:
        return ANYTHING if shape is None else adapter(shape)
    except UnknownShape as error:
        raise ResultError(
            f"checkpoint {name!r}: pydantic cannot validate its shape, {shown(shape)}: {error}"
        ) from error


def call_recorded(
    session: StepSession | None,
    name: str,
    function: Callable[..., Any],
    arguments: tuple[Any, ...],
    how: tuple[Any, Spent],
) -> Coroutine[Any, Any, Any]:
    """Return the awaitable of :meth:`paigeant.ActivityContext.checkpoint`; the call is numbered now."""
    if not isinstance(cast("Any", name), str) or not _NAMES.fullmatch(name):
        text = f"a checkpoint has a name of 1 to {_NAME} characters, none a control character, not {shown(name)}"
        raise ResultError(text)
    shape, spent = how
    types = _types(shape, name)
    code = partial(function, *arguments)
    if session is None:
        return _unrecorded(code, types, name)
    inside = ENCLOSING.get()
    place = f"ctx.{name}@{inside}" if inside else f"ctx.{name}"
    call = Call(stored_key(f"{place}.{session.count(place)}"), title=f"checkpoint {name!r}", name=name)
    return _recorded(session, call, code, types, spent)


async def _recorded(
    session: StepSession, call: Call, code: Callable[[], Any], types: TypeAdapter[Any], spent: Spent
) -> Any:
    json = await session.recall(call)
    if json is None:
        token = ENCLOSING.set(digest(call.key.encode()))
        began = monotonic()
        try:
            made = await _called(code, session.run_in_thread)
        finally:
            ENCLOSING.reset(token)
        json = serialise(types, made, call.title or call.key)
        charges = () if spent == Spent() else (_charge(call.key, spent, made),)
        json = await session.record(call, json, took=monotonic() - began, charges=charges)
    return _read(types, json, call.title or call.key)


async def _unrecorded(code: Callable[[], Any], types: TypeAdapter[Any], name: str) -> Any:
    """Call the function without recording, outside of a step: with a context that was made by hand, as in a test."""
    what = f"checkpoint {name!r}"
    return _read(types, serialise(types, await _called(code, asyncio.to_thread), what), what)


async def _called(code: Callable[[], Any], in_thread: Callable[[Callable[[], Any]], Awaitable[Any]]) -> Any:
    if inspect.iscoroutinefunction(code):
        return await code()
    made = await in_thread(code)
    return await made if inspect.isawaitable(made) else made


def _read(types: TypeAdapter[Any], json: bytes, what: str) -> Any:
    try:
        return from_json(json) if types is ANYTHING else types.validate_json(json)
    except ValueError as error:
        raise ResultError(f"{what}: what was recorded is not of the shape that is asked for: {error}") from error


def _charge(key: str, spent: Spent, made: Any) -> Charge:
    cost = spent.cost(made) if callable(spent.cost) else spent.cost
    tokens = spent.tokens(made) if callable(spent.tokens) else spent.tokens
    used, got = tokens if isinstance(tokens, tuple) else (tokens, 0)
    return Charge(key, CUSTOM, CUSTOM, used, got, cost=None if cost is None else Decimal(str(cost)))
