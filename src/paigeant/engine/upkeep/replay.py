"""Replay of dead letters: their bytes are published again, and reach a run or come back."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Final

from paigeant.engine.publisher import PATIENCE, publish
from paigeant.engine.runtime import Runtime
from paigeant.errors import MessageRejected, Unavailable, UnknownLetter
from paigeant.model.hops import Sealed
from paigeant.model.message import HopKey
from paigeant.model.stored.claims import NoticeStatus
from paigeant.model.stored.dead_letters import DeadLetter, Fate, Replayed

_OPEN: Final = frozenset({NoticeStatus.PENDING, NoticeStatus.DUE})

LOOK: Final = 0.1
"""Seconds between two checks for letters that came back."""


async def replay(runtime: Runtime, letters: Sequence[DeadLetter], patience: float) -> list[Replayed]:
    """Publish letters again; returns the fate of each, in order, after ``patience`` seconds at most.

    A letter is dropped only if the store itself has exactly its bytes. Raises Unavailable; letters published by then
    may be published once more, which changes nothing.
    """
    fates = [await _send(runtime, letter) for letter in letters]
    settled = [letter.id for letter, fate in zip(letters, fates, strict=True) if fate.settled]
    if settled:
        await runtime.store.drop_dead_letters(settled)
    replayed = [Replayed(*pair) for pair in zip(letters, fates, strict=True)]
    ends = asyncio.get_running_loop().time() + patience
    while any(one.fate is Fate.UNANSWERED for one in replayed) and asyncio.get_running_loop().time() < ends:
        await asyncio.sleep(LOOK)
        replayed = [await _look(runtime, one) if one.fate is Fate.UNANSWERED else one for one in replayed]
    return replayed


async def _send(runtime: Runtime, letter: DeadLetter) -> Fate:
    """Publish a letter, if that can have an effect."""
    if not letter.whole:
        return Fate.CUT
    standing = await _standing(runtime, letter)
    if standing is NoticeStatus.PASSED:
        return Fate.PASSED
    if runtime.transport is None:
        return Fate.QUEUED if standing in _OPEN else Fate.STUCK
    try:
        async with asyncio.timeout(PATIENCE):
            await publish(runtime, runtime.transport, Sealed(letter.message_id, letter.topic, letter.body))
    except TimeoutError as error:
        raise Unavailable(f"the broker has not taken dead letter {letter.id} within {PATIENCE:g} s") from error
    return Fate.SENT if standing in _OPEN else Fate.UNANSWERED


async def _standing(runtime: Runtime, letter: DeadLetter) -> NoticeStatus | None:
    """Return the status of the hop in the letter's bytes or, if they cannot be parsed, in its id."""
    try:
        key: HopKey | None = runtime.codec.open(letter.body).message.key
    except MessageRejected:
        key = HopKey.of(letter.message_id)
    if key is None:
        return None
    [standing] = await runtime.store.find_notice_status([(key, hashlib.sha256(letter.body).digest())])
    return standing


async def _look(runtime: Runtime, one: Replayed) -> Replayed:
    """Check whether a letter came back: its count has then risen."""
    try:
        letter = await runtime.store.get_dead_letter(one.letter.id)
    except UnknownLetter:  # it was dropped meanwhile
        return one
    return Replayed(letter, Fate.RETURNED) if letter.count > one.letter.count else one
