"""Dead letters: messages that can be neither executed nor ignored."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from pydantic import BaseModel, field_serializer

from paigeant.model.limits import BODY_BYTES

KEPT_BYTES: Final = BODY_BYTES
"""Size up to which a body is stored completely."""

HEAD_BYTES: Final = 64 * 1024
"""Stored part of a longer body."""

LETTERS: Final = 10_000
"""Limit of dead letters in a namespace."""

LETTERS_BYTES: Final = 64 * 1024 * 1024
"""Limit of the sum of their bodies."""

PAGE_BYTES: Final = 8 * 1024 * 1024
"""Limit of the sum of the bodies in a page, which ends early beyond it."""

_ID: Final = 255
_DETAIL: Final = 1_000
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Flaw(StrEnum):
    """Reasons to reject a message."""

    UNREADABLE = "unreadable"
    """Its bytes cannot be parsed."""
    TOO_LARGE = "too_large"
    """Its bytes cannot be parsed, and are too many to be stored completely."""
    ALTERED = "altered"
    """The store has recorded this hop with other bytes."""
    AHEAD = "ahead"
    """The store has its run, but not this hop."""
    UNKNOWN_RUN = "unknown_run"
    """The store does not have its run."""
    UNSIGNED = "unsigned"
    """It is not signed, and signing is on."""
    FORGED = "forged"
    """Its signature does not match, or its signer had no permission."""
    UNKNOWN_KEY = "unknown_key"
    """It is signed with a key that is not trusted, or no longer trusted."""
    FOREIGN = "foreign"
    """It was dispatched for another audience."""
    EXPIRED = "expired"
    """The signed expiry of its run has passed."""


class RejectedMessage(NamedTuple):
    """Rejected message: ``body`` has its bytes or their head, ``digest`` is that of all bytes."""

    topic: str
    message_id: str
    reason: Flaw
    detail: str
    body: bytes
    size: int
    digest: bytes

    @classmethod
    def of(cls, topic: str, message_id: str, body: bytes, reason: Flaw, detail: str) -> RejectedMessage:
        """Return the stored form of a message, in which every text fits its column, whatever the sender wrote.

        The detail of a message with a cut body says so.
        """
        digest, size = hashlib.sha256(body).digest(), len(body)
        if size > KEPT_BYTES:
            body = body[:HEAD_BYTES]
            detail += f"; of {size:,} bytes the first {HEAD_BYTES:,} are kept here, all with the broker's dead letters"
        return cls(topic, _plain(message_id, _ID), reason, _plain(detail, _DETAIL), body, size, digest)

    @property
    def whole(self) -> bool:
        """True if all of its bytes are stored."""
        return len(self.body) == self.size


class DeadLetter(BaseModel, frozen=True):
    """Stored message: its facts, and its bytes, in JSON as base64.

    It arrived ``count`` times, first at ``created_at``, last at ``seen_at``. ``body`` is shorter than ``size`` if only
    the head was stored.
    """

    id: int
    topic: str
    message_id: str
    reason: Flaw
    detail: str
    size: int
    count: int
    created_at: datetime
    seen_at: datetime
    body: bytes

    @property
    def whole(self) -> bool:
        """True if all of its bytes are present."""
        return len(self.body) == self.size

    @field_serializer("body", when_used="json")
    def _as_text(self, body: bytes) -> str:
        return b64encode(body).decode()


class LetterPage(BaseModel, frozen=True):
    """Page of dead letters, newest first; ``next`` continues it, None at the end."""

    dead_letters: tuple[DeadLetter, ...]
    next: str | None = None


class Fate(StrEnum):
    """Results of replaying a letter."""

    SENT = "sent"
    """The store has its hop recorded, with these bytes, and it was published again: its run goes on. Dropped."""
    PASSED = "passed"
    """Its hop is done, so that there is nothing to do. Dropped."""
    QUEUED = "queued"
    """There is no broker, and its hop is in the store, where workers pick it when it is due. Dropped."""
    RETURNED = "returned"
    """It was published again, and is a dead letter again."""
    UNANSWERED = "unanswered"
    """It was published again, and no worker has taken it so far."""
    CUT = "cut"
    """Only its head is here, so that there is nothing to publish."""
    STUCK = "stuck"
    """There is no broker to publish it to, and its bytes are not what the store recorded."""

    @property
    def settled(self) -> bool:
        """True if the store has the same bytes in its place, so that the letter is not needed."""
        return self in {Fate.SENT, Fate.PASSED, Fate.QUEUED}

    @property
    def failed(self) -> bool:
        """True if it was not published, or came back: a person has to inspect it."""
        return self in {Fate.RETURNED, Fate.CUT, Fate.STUCK}


class Replayed(NamedTuple):
    """A replayed letter, and its fate."""

    letter: DeadLetter
    fate: Fate


def _plain(text: str, longest: int) -> str:
    """Return a text that any column can hold and any terminal can show."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)[:longest]
