"""The contract of codecs: how messages become bytes, bytes messages, and who vouches for them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from paigeant.abc.custody.judge import Judge
from paigeant.errors import ConfigError
from paigeant.model.custody.adoption import Vouched
from paigeant.model.custody.keys import PublishedKey
from paigeant.model.custody.notes import Note
from paigeant.model.custody.records import SignedRecord
from paigeant.model.hops import Leased, Sealed
from paigeant.model.message import HopKey, PaigeantMessage
from paigeant.model.people.deeds import Deed, DeedTerms
from paigeant.model.plan import ActivityCard, Plan
from paigeant.model.routing_slip import PassedEntry
from paigeant.model.transition import Transition
from paigeant.model.values.values import Value

KeepKeys: TypeAlias = Callable[[Sequence[PublishedKey]], Awaitable[None]]
"""As :meth:`~paigeant.abc.SigningKeys.record_keys` of the store."""


class Opened(NamedTuple):
    """What bytes opened to: the message and, where messages are signed, the record of the hop that was left for it.

    The record is as it travelled: nobody has verified it before :meth:`Codec.judge`.
    """

    message: PaigeantMessage
    record: SignedRecord | None = None


class DispatchTerms(NamedTuple):
    """What is signed of a dispatch beside its message: the ``parent`` node of a child, and for whom a run acts."""

    owner: str
    dispatch_key: str | None = None
    tenant: str | None = None
    passed: Sequence[PassedEntry] = ()
    parent: HopKey | None = None
    sub: str | None = None


class Departure(NamedTuple):
    """What is signed of a hop that is left: who leaves it, what becomes of it, and what its arguments were bound to.

    It is ``closed`` if its run is ended without its step being run; ``saved`` are the variables that it has set while
    it ran.
    """

    owner: str
    transition: Transition
    input: Mapping[str, Value] | None = None
    closed: bool = False
    saved: Mapping[str, Value] = MappingProxyType({})


class SealedHop(NamedTuple):
    """The messages that follow, in their order, and what is signed of the hop that was left, if hops are signed.

    ``branches`` are there if the hop is a node that has branches begin: what is signed of each, in the same order.
    """

    messages: tuple[Sealed, ...]
    record: SignedRecord | None = None
    branches: tuple[SignedRecord, ...] = ()


class Codec(Judge, ABC):
    """Seals messages into bytes and opens them again. The bytes are made once and never re-serialised."""

    @abstractmethod
    def seal(self, message: PaigeantMessage) -> Sealed:
        """Return the bytes of a message of which nothing is signed.

        Raises :class:`~paigeant.errors.InvalidInput` if its body is over 1 MiB.
        """

    @abstractmethod
    def open(self, body: bytes) -> Opened:
        """Return the message of these bytes; a repeat returns the same.

        Raises :class:`~paigeant.errors.MessageRejected` for any others.
        """

    def begin(self, message: PaigeantMessage, terms: DispatchTerms) -> SealedHop:
        """Return the first message of a run, sealed, and what is signed of the dispatch; raises as :meth:`seal`."""
        del terms
        return SealedHop((self.seal(message),))

    def recall(self, leased: Leased) -> Leased:
        """Return a hop that is about to be judged, with what is known of its run as its ``custody``.

        All that is asked of it later, and of those that are handed over from it, rests on that: what is known of a run
        may be forgotten for others while its step runs.
        """
        return leased

    def turn(self, message: PaigeantMessage, terms: DispatchTerms) -> SealedHop:
        """Return the message with which a child that completed turns round, sealed, and what is signed of that.

        The child was judged before. Raises as :meth:`seal`.
        """
        del terms
        return SealedHop((self.seal(message),))

    def depart(self, leased: Leased, departure: Departure) -> SealedHop:
        """Return the messages that follow a hop, sealed, and what is signed of the hop; raises as :meth:`seal`.

        A run is signed for its whole life or not at all, by whether its dispatch is.
        """
        del leased
        return SealedHop(tuple(self.seal(message) for message, _ in departure.transition.next))

    def adopt(self, vouched: Vouched) -> SignedRecord:
        """Return what is signed of a run that began unsigned, as it lies: from then on it is judged as others are.

        Raises :class:`~paigeant.errors.ConfigError` if this process has no key that may ``adopt``, and
        :class:`~paigeant.errors.InvalidInput` for a run that is too large.
        """
        del vouched
        raise ConfigError("nothing is signed here: set PAIGEANT_SIGNING=on")

    async def prepare(self, keep: KeepKeys, *rights: str) -> None:
        """Return once this process may sign what these are the rights to, as ``step:pay``, or where nothing is signed.

        It is called before anything is signed, and each minute by whoever signs for long: a key that others do not know
        is written by ``keep``, which makes it durable, before it is used. Raises
        :class:`~paigeant.errors.ConfigError`, which says what to do: else others would find it out; and
        :class:`~paigeant.errors.Unavailable` if what vouches for the process does not answer, and nothing that it has
        signed is good for long.
        """
        del keep, rights

    def note(self, leased: Leased, note: Note) -> bytes | None:
        """Return what is signed of what a leased step leaves while it runs, None where nothing is.

        Raises Unavailable and ConfigError. It may be called from any thread.
        """
        del leased, note

    def publish(self, one: Plan | ActivityCard) -> bytes | None:
        """Return what is signed of what a worker publishes, None where nothing is.

        Raises Unavailable and ConfigError.
        """
        del one

    def attest(self, terms: DeedTerms) -> Deed:
        """Return what a person does as it is kept, signed where hops are.

        Raises :class:`~paigeant.errors.ConfigError` if this process has no key that may sign it.
        """
        return Deed.of(terms)

    signs: bool = False
    """Whether hops are signed, so that each that is leased has to be judged."""

    @property
    def adopts(self) -> bool:
        """Whether workers adopt by themselves what began unsigned: with keys of development, which prove nothing."""
        return False
