"""Records of custody: the signed record of each hop, and its form in the store."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final, NamedTuple

from paigeant.model.message import HopKey
from paigeant.model.values.digests import digest_of
from paigeant.model.values.objects import lazy


class RecordKind(StrEnum):
    """Kinds of records."""

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

    INHERIT = "inherit"
    """Inherited hops and variables of a fork, at position 0, before its dispatch."""


BEGINNINGS: Final = frozenset({RecordKind.DISPATCH, RecordKind.ADOPT})
"""Kinds of the first record of a run."""


@dataclass(frozen=True)
class SignedRecord:
    """Text of a record exactly as it was signed, and the detached JWS (RFC 7797) over it.

    The ``kind`` is a :class:`RecordKind`, unless its column was edited; the text contains it too.
    """

    kind: str
    text: bytes
    jws: bytes

    @lazy
    def digest(self) -> str:
        """Link of the chain, named by the next record: SHA-256 of the text, a line break and the JWS, base64url."""
        return digest_of(b"%b\n%b" % (self.text, self.jws))


class StoredRecord(NamedTuple):
    """Record in the store: at the place of its hop, under the fence of the lease that left it.

    The record of a dispatch has position 0 and fence 0. The record of a branch has the position before its first hop,
    and the negative position of its node as fence. The record of a child run that turns round has the position before
    that hop, and fence 0. A resumed hop has one record for each time that it was left. ``at`` is the time of writing,
    by the store's clock.
    """

    key: HopKey
    fence: int
    record: SignedRecord
    at: datetime
