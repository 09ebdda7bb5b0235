"""Contract of codecs: messages to signed bytes and back, and verification of what is signed."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from paigeant.abc.custody.judge import Judge
from paigeant.errors import ConfigError
from paigeant.model.custody.adoption import Vouched
from paigeant.model.custody.keys import PublishedKey
from paigeant.model.custody.notes import HopNotes, Note
from paigeant.model.custody.records import SignedRecord
from paigeant.model.hops import Leased, Sealed
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.people.deeds import Deed, DeedTerms
from paigeant.model.plan import ActivityCard, Plan
from paigeant.model.routing_slip import PassedEntry
from paigeant.model.stored.forks import Inheritance
from paigeant.model.transition import Transition
from paigeant.model.values.values import Value

KeepKeys: TypeAlias = Callable[[Sequence[PublishedKey]], Awaitable[None]]
"""Stores public keys, like :meth:`~paigeant.abc.SigningKeys.record_keys` of the store."""


class Opened(NamedTuple):
    """Message parsed from its bytes and, where messages are signed, the signed record of the hop before it.

    The record is as it was received. It is not verified before :meth:`Codec.judge`.
    """

    message: PaigeantMessage
    record: SignedRecord | None = None


class DispatchTerms(NamedTuple):
    """Terms of a dispatch that are signed together with its first message.

    ``owner`` is the process that dispatches, ``parent`` the node that begins a child run, and ``sub`` the subject (the
    person) on whose behalf the run acts.
    """

    owner: str
    dispatch_key: str | None = None
    tenant: str | None = None
    passed: Sequence[PassedEntry] = ()
    parent: HopKey | None = None
    sub: str | None = None
    follows: str | None = None


class Departure(NamedTuple):
    """Facts that are signed when a hop is left: its owner, its transition and the values its arguments were bound to.

    ``closed`` is True if the run ends without the step being run. ``saved`` holds the variables that the step set while
    it ran, ``notes`` the digests of what it recorded.
    """

    owner: str
    transition: Transition
    input: Mapping[str, Value] | None = None
    closed: bool = False
    saved: Mapping[str, Value] = MappingProxyType({})
    notes: HopNotes | None = None


class SealedHop(NamedTuple):
    """Sealed messages that follow a hop, in order, and the signed record of the hop itself if hops are signed.

    ``branches`` holds the signed record of each branch, in the same order, if the hop is a node that begins branches.
    """

    messages: tuple[Sealed, ...]
    record: SignedRecord | None = None
    branches: tuple[SignedRecord, ...] = ()


class Codec(Judge, ABC):
    """Seals messages into bytes and opens them again. Bytes are made once and never re-serialised."""

    @abstractmethod
    def seal(self, message: PaigeantMessage) -> Sealed:
        """Return the bytes of a message, without a signature.

        Raises :class:`~paigeant.errors.InvalidInput` if its body is over 1 MiB.
        """

    @abstractmethod
    def open(self, body: bytes) -> Opened:
        """Parse bytes into a message; the same bytes always give the same message.

        Raises :class:`~paigeant.errors.MessageRejected` for bytes that are not a valid message.
        """

    def begin(self, message: PaigeantMessage, terms: DispatchTerms) -> SealedHop:
        """Seal the first message of a run and sign the dispatch; raises as :meth:`seal`."""
        del terms
        return SealedHop((self.seal(message),))

    def recall(self, leased: Leased) -> Leased:
        """Return a hop that is about to be verified, with what is already known of its run as its ``custody``.

        All later verification of this hop, and of hops handed over from it, uses that snapshot: the shared cache may
        drop the run while its step runs.
        """
        return leased

    def turn(self, message: PaigeantMessage, terms: DispatchTerms) -> SealedHop:
        """Seal the message with which a completed child run turns round to be undone, and sign the turn.

        The child was verified before. Raises as :meth:`seal`.
        """
        del terms
        return SealedHop((self.seal(message),))

    def depart(self, leased: Leased, departure: Departure) -> SealedHop:
        """Seal the messages that follow a hop, and sign the hop that is left; raises as :meth:`seal`.

        A run is signed for its whole life or not at all: its dispatch decides.
        """
        del leased
        return SealedHop(tuple(self.seal(message) for message, _ in departure.transition.next))

    def adopt(self, vouched: Vouched) -> SignedRecord:
        """Sign the present state of a run that began unsigned: from then on it is verified like any other run.

        Raises :class:`~paigeant.errors.ConfigError` if this process has no key with the right ``adopt``, and
        :class:`~paigeant.errors.InvalidInput` for a run that is too large.
        """
        del vouched
        raise ConfigError("nothing is signed here: set PAIGEANT_SIGNING=on")

    def inherit(self, made: Inheritance) -> SignedRecord | None:
        """Sign what a fork has of its source, once that is verified; None where nothing is signed.

        Raises :class:`~paigeant.errors.TamperedMessage` for a source whose audit is broken, UnknownKey, and
        :class:`~paigeant.errors.InvalidInput` for one that is too large.
        """
        del made

    async def prepare(self, keep: KeepKeys, *rights: str) -> None:
        """Return once this process may sign with these rights, such as ``step:pay``; at once where nothing is signed.

        Callers await it before they sign anything, and each minute while they go on signing. A key that other processes
        do not know yet is first stored durably by ``keep``, and only then used. Raises
        :class:`~paigeant.errors.ConfigError`, with what to do, if the key may not sign for one of these rights: other
        processes would reject the signature later. Raises :class:`~paigeant.errors.Unavailable` if the signer that
        vouches for this process does not answer and the present voucher is about to expire.
        """
        del keep, rights

    def note(self, leased: Leased, note: Note) -> bytes | None:
        """Sign a note that a leased step leaves while it runs; None where nothing is signed.

        Raises Unavailable and ConfigError. It may be called from any thread.
        """
        del leased, note

    def publish(self, one: Plan | ActivityCard) -> bytes | None:
        """Sign a plan or an activity card that a worker publishes; None where nothing is signed.

        Raises Unavailable and ConfigError.
        """
        del one

    def attest(self, terms: DeedTerms) -> Deed:
        """Return the deed of a person as it is stored, signed where hops are signed.

        Raises :class:`~paigeant.errors.ConfigError` if this process has no key that may sign it.
        """
        return Deed.of(terms)

    signs: bool = False
    """True if hops are signed, so that every leased hop must be verified."""

    @property
    def adopts(self) -> bool:
        """True if workers adopt unsigned runs by themselves: only with development keys, which prove nothing."""
        return False
