"""Histories of agents: the initial messages of a step's agent, and the storage of its own."""

from __future__ import annotations

import logging
from typing import Final

import pydantic_ai
from pydantic import ValidationError
from pydantic_ai import ModelMessagesTypeAdapter
from pydantic_ai.messages import ModelMessage

from paigeant.abc import StepSession
from paigeant.errors import Terminal
from paigeant.model.calls.histories import HistoryHead
from paigeant.model.outcomes import Parked

VERSION: Final[str] = pydantic_ai.__version__
_AGAIN: Final = "1m"
"""Delay after which a step is offered again to a worker that can read a history."""
_LOGGER: Final = logging.getLogger("paigeant.agents")


async def begin_with(session: StepSession, step: str | None, agent: str) -> list[ModelMessage] | None:
    """Return the initial messages of an agent: those of an earlier step, None without ``history``.

    If a newer minor version wrote them, the step waits for a newer worker: this version might misunderstand them, or
    silently drop parts. Raises Terminal if there are none, or several, and for unreadable ones.
    """
    if step is None:
        return None
    what = f"agent {agent!r} goes on from the history of {step!r}"
    found = await session.histories.find(step)
    if not found:
        cure = "it has to be a step of an agent before this one, and not say keep_history=False"
        raise Terminal(f"{what}, and there is none: {cure}")
    if len(found) > 1:
        places = ", ".join(f"{head.path}:{head.position}" for head in found[:3])
        raise Terminal(f"{what}, and there are {len(found)}, of the branches {places}: a history is that of one step")
    [head] = found
    if not head.kept:
        raise Terminal(f"{what}, which was not kept: it has {head.size:,} bytes")
    if is_newer(head.library):
        cure = "upgrade this worker, and what reads histories before what writes them"
        session.wait(Parked(f"{what}, written by pydantic-ai {head.library}; here is {VERSION}: {cure}", _AGAIN))
    return await _messages(session, head, what)


async def _messages(session: StepSession, head: HistoryHead, what: str) -> list[ModelMessage]:
    stored = await session.histories.load(head)
    if stored is None:
        raise Terminal(f"{what}, which is gone")
    try:
        return ModelMessagesTypeAdapter.validate_json(stored.json)
    except Exception as error:  # altered data may cause any error
        said = error.errors()[0]["msg"] if isinstance(error, ValidationError) else type(error).__name__
        raise Terminal(f"{what}, which cannot be read: {said}") from error


async def keep(session: StepSession, json: bytes, agent: str) -> None:
    """Store the messages of a run with the commit of its step; one that is too large is reported and not stored."""
    most = await session.histories.keep(json, VERSION)
    if most is not None:
        text = "the history of agent %r has %s bytes, and is not kept: at most %s are; keep_history=False says so"
        _LOGGER.warning(text, agent, f"{len(json):,}", f"{most:,}")


def is_newer(version: str) -> bool:
    """True if a version of the library has a newer minor than the one here."""
    return _minor(version) > _minor(VERSION)


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdecimal() else 0 for part in version.split(".")[:2])
