"""Signing with a process's own keys, and its knowledge of other keys."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cached_property
from typing import Final

from paigeant.abc.codec import KeepKeys
from paigeant.errors import ConfigError, InvalidInput, TamperedMessage
from paigeant.model.custody.keys import PublishedKey
from paigeant.model.custody.notes import Note
from paigeant.model.custody.records import RecordKind, SignedRecord
from paigeant.model.hops import Leased
from paigeant.model.people.deeds import Deed, DeedTerms
from paigeant.model.plan import ActivityCard, Plan
from paigeant.model.stored.dead_letters import Flaw
from paigeant.plugins import load_plugin
from paigeant.security.custody.deeds import right_to, write_deed
from paigeant.security.custody.judging.letters import Letters
from paigeant.security.custody.purposes import KeyPlaces, Keys, Purpose
from paigeant.security.custody.texts.notes import write_note
from paigeant.security.custody.texts.publications import write_publication
from paigeant.security.frame import RECORD_BYTES, Frame, read_frame
from paigeant.security.plain import PlainCodec

LONGEST: Final = RECORD_BYTES // 2
"""Limit of a record in bytes."""


class SigningCodec(PlainCodec):
    """Seals as the plain codec does, and has keys, which are read on first use."""

    signs: bool = True

    def __init__(
        self,
        *,
        namespace: str = "default",
        audience: str | None = None,
        keyring: Callable[[], Keys] | None = None,
    ) -> None:
        """Sign with the keys of ``keyring``, by default one in memory, for ``audience``, by default the namespace."""
        super().__init__("signed", namespace=namespace)
        self._audience, self._namespace = audience or namespace, namespace
        self._make_keyring: Callable[[], Keys] = keyring or (
            lambda: load_plugin("paigeant.keyrings", "local")(KeyPlaces(namespace))
        )

    @cached_property
    def keyring(self) -> Keys:
        """The keys, read on first use; raises ConfigError."""
        return self._make_keyring()

    @property
    def adopts(self) -> bool:
        """True with development keys."""
        return self.keyring.is_development

    def find_flaw(self, body: bytes) -> tuple[Flaw, str] | None:
        """Return the kind and the text of a fault in a message's signature; None without one."""
        message, record = self.open(body)
        letters = Letters(self.keyring, self._audience)
        return letters.find_flaw(message.key, read_frame(body).body, record, datetime.now(UTC))

    def strangers(self, signatures: Iterable[bytes]) -> Sequence[str]:
        """Return the ids of unknown keys in these signatures."""
        return self.keyring.strangers(signatures)

    def introduce(self, keys: Iterable[PublishedKey]) -> None:
        """Accept keys from now on, each only if it proves itself."""
        self.keyring.introduce(keys)

    # -- signing

    async def prepare(self, keep: KeepKeys, *rights: str) -> None:
        """Return once this process may sign this; raises ConfigError, and Unavailable of a signer or a store."""
        await self.keyring.prepare(keep, *rights)
        self.require_rights(*rights)

    def require_rights(self, *rights: str) -> None:
        """Return if this process may sign with these rights; raises ConfigError."""
        for right in rights:
            key = self.keyring.mine_for(right.partition(":")[2] or right)
            if not key.may(right):
                raise ConfigError(f"the key of {key.iss} may not {right}: add it to its rights, or use another key")

    def attest(self, terms: DeedTerms) -> Deed:
        """Return a signed deed; raises ConfigError if this process has no key that may sign it."""
        deed = Deed.of(terms)
        self.require_rights(right_to(terms.verb))
        text = write_deed(deed, terms, self._audience)
        return replace(deed, text=text.decode(), jws=self.keyring.sign(Purpose.DEED, text).decode())

    def note(self, leased: Leased, note: Note) -> bytes | None:
        """Return the detached JWS of a leased step's note, None if its run is not signed."""
        return None if leased.head is None else self.keyring.sign(Purpose.NOTE, write_note(leased, note))

    def publish(self, one: Plan | ActivityCard) -> bytes | None:
        """Return the detached JWS of a worker's publication."""
        self.require_rights(one.right)
        return self.keyring.sign(Purpose.PUBLICATION, write_publication(one, self._audience, self._namespace))

    def judge_publication(self, one: Plan | ActivityCard) -> None:
        """Verify a publication and the permission of its signer; raises TamperedMessage and UnknownKey."""
        said = one.publication
        if said is None:
            raise TamperedMessage("nobody has signed it")
        text, at = write_publication(one, self._audience, self._namespace), said.at or datetime.now(UTC)
        key = self.keyring.verify(Purpose.PUBLICATION, text, said.jws.encode(), at)
        if not key.may(one.right) or key.is_compromised:
            raise TamperedMessage(f"{key.iss} may not {one.right}")

    def record_of(self, frame: Frame) -> SignedRecord | None:
        """Return the record in a frame, unverified; its kind is in its text."""
        return None if frame.record is None else SignedRecord("", frame.record, frame.jws or b"")

    def _sign(self, kind: RecordKind, text: bytes) -> SignedRecord:
        if len(text) > LONGEST:
            raise InvalidInput(f"the record of the hop is {len(text):,} bytes; at most {LONGEST:,} are allowed")
        return SignedRecord(kind, text, self.keyring.sign(Purpose.RECORD, text))
