"""Records of custody: what is signed of each hop, and how it rests in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from paigeant.model.message import HopKey
from paigeant.model.values.digests import digest_of
from paigeant.model.values.objects import lazy


class RecordKind(StrEnum):
    """What a record is of."""

    DISPATCH = "dispatch"
    """The beginning of a run, at position 0."""
    HOP = "hop"
    """A hop that its worker has left."""
    CLOSE = "close"
    """A hop whose run was ended without its step being run: by a deadline or a request to cancel."""
    BRANCH = "branch"
    """A branch that begins, before its first hop; or goes on, where it is undone."""
    TURN = "turn"
    """A child that had completed, and that its parent has undone."""
    JOIN = "join"
    """A node that is left, all of whose branches have ended."""
    ADOPT = "adopt"
    """A run that began unsigned, as it lay when somebody vouched for it, at position 0: where custody begins."""


BEGINNINGS: Final = frozenset({RecordKind.DISPATCH, RecordKind.ADOPT})
"""What no record comes before."""


@dataclass(frozen=True)
class SignedRecord:
    """The text of a record exactly as it was signed, and the detached JWS (RFC 7797) over it.

    The ``kind`` is a :class:`RecordKind`, unless somebody has edited it where it rests; the text says it too.
    """

    kind: str
    text: bytes
    jws: bytes

    @lazy
    def digest(self) -> str:
        """What the next record names as the one before it: SHA-256 of the text, a line break and the JWS, base64url."""
        return digest_of(b"%b\n%b" % (self.text, self.jws))


class StoredRecord(NamedTuple):
    """A record where it rests: at the place of its hop, under the fence of the lease that left it.

    The dispatch has position 0 and fence 0, a branch that begins the position before that of its first hop, and its
    node's, negative, for a fence; a child that turns round the position before, and fence 0. A hop that was resumed has
    a record for each time that it was left. ``at`` is when it was written, by the store's clock.
    """

    key: HopKey
    fence: int
    record: SignedRecord
    at: datetime
