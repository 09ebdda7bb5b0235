"""Dead letters: messages that came and can be neither executed nor passed over."""

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
"""How long a body may be to be kept whole."""

HEAD_BYTES: Final = 64 * 1024
"""What is kept of a longer one."""

LETTERS: Final = 10_000
"""Dead letters that a store keeps in a namespace."""

LETTERS_BYTES: Final = 64 * 1024 * 1024
"""What their bodies may come to."""

PAGE_BYTES: Final = 8 * 1024 * 1024
"""What the bodies of a page may come to; beyond it, it ends early."""

_ID: Final = 255
_DETAIL: Final = 1_000
_UNPRINTABLE: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\ud800-\udfff]")


class Flaw(StrEnum):
    """What is wrong with a message."""

    UNREADABLE = "unreadable"
    """Its bytes do not open."""
    TOO_LARGE = "too_large"
    """They do not open, and are more than is kept whole."""
    ALTERED = "altered"
    """The store has recorded this hop with other bytes."""
    AHEAD = "ahead"
    """The store knows its run, but no such hop of it."""
    UNKNOWN_RUN = "unknown_run"
    """The store knows no such run."""
    UNSIGNED = "unsigned"
    """Nobody has signed it, and signing is on."""
    FORGED = "forged"
    """It is not what its signature is over, or nobody with a right to it has signed it."""
    UNKNOWN_KEY = "unknown_key"
    """It is signed with a key that is not trusted, or not any more."""
    FOREIGN = "foreign"
    """It was dispatched for another audience."""
    EXPIRED = "expired"
    """It is of a run that was signed until a time that is over."""


class RejectedMessage(NamedTuple):
    """A message to be kept, as it came: ``body`` is all of its bytes or their head, ``digest`` that of all of them."""

    topic: str
    message_id: str
    reason: Flaw
    detail: str
    body: bytes
    size: int
    digest: bytes

    @classmethod
    def of(cls, topic: str, message_id: str, body: bytes, reason: Flaw, detail: str) -> RejectedMessage:
        """Return what is kept of a message; nothing that a stranger wrote can be too long for a column, or break one.

        A message whose body is cut says so.
        """
        digest, size = hashlib.sha256(body).digest(), len(body)
        if size > KEPT_BYTES:
            body = body[:HEAD_BYTES]
            detail += f"; of {size:,} bytes the first {HEAD_BYTES:,} are kept here, all with the broker's dead letters"
        return cls(topic, _plain(message_id, _ID), reason, _plain(detail, _DETAIL), body, size, digest)

    @property
    def whole(self) -> bool:
        """All of its bytes are kept."""
        return len(self.body) == self.size


class DeadLetter(BaseModel, frozen=True):
    """A message that is kept: what is known of it, and its bytes, in JSON as base64.

    It came ``count`` times, first at ``created_at``, last at ``seen_at``. ``body`` is shorter than ``size`` if only the
    head was kept.
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
        """All of its bytes are there."""
        return len(self.body) == self.size

    @field_serializer("body", when_used="json")
    def _as_text(self, body: bytes) -> str:
        return b64encode(body).decode()


class LetterPage(BaseModel, frozen=True):
    """A page of dead letters, newest first; ``next`` continues it, None at the end."""

    dead_letters: tuple[DeadLetter, ...]
    next: str | None = None


class Fate(StrEnum):
    """What became of a letter that was replayed."""

    SENT = "sent"
    """The store has its hop recorded, with these bytes, and it was published again: its run goes on. Dropped."""
    PASSED = "passed"
    """Its hop is behind, so that there is nothing to do. Dropped."""
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
        """The store has the same bytes in its place, and the letter is not needed."""
        return self in {Fate.SENT, Fate.PASSED, Fate.QUEUED}

    @property
    def failed(self) -> bool:
        """It was not published, or came back: a person has to look at it."""
        return self in {Fate.RETURNED, Fate.CUT, Fate.STUCK}


class Replayed(NamedTuple):
    """A letter, and what became of it."""

    letter: DeadLetter
    fate: Fate


def _plain(text: str, longest: int) -> str:
    """Return a text that any column takes and any terminal shows."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)[:longest]
