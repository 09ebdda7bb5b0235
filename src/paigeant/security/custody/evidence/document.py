"""Evidence as one document: all data that an audit of a run needs, signed as a whole by the exporter.

``{"evidence":TEXT,"signature":"JWS"}`` and a line break; if the exporter's key is vouched for,
``"voucher":"TEXT","vouched":"JWS"`` come before the brace, the text in base64url. The JWS covers exactly the text, the
rest is compared byte for byte, and nothing is parsed before the signature of a trusted key is verified. A document is
valid only if its bytes are those that would be written of its content, so that there are no duplicate keys and no
meaningless parts.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Final, Literal
from uuid import UUID

from pydantic import AwareDatetime, ConfigDict, TypeAdapter

from paigeant.errors import InvalidInput, RevokedKey, TamperedMessage
from paigeant.model.custody.evidence import Evidence
from paigeant.model.custody.keys import KeyKind, PublishedKey, StoredKey
from paigeant.model.custody.records import SignedRecord, StoredRecord
from paigeant.model.message import HopKey
from paigeant.model.people.deeds import Deed, StoredDeed
from paigeant.model.values.digests import encode
from paigeant.model.values.json_text import one_spelling
from paigeant.security.custody.evidence.columns import STRICT, RunColumns, columns_of, without_texts
from paigeant.security.custody.keyring import Keyring
from paigeant.security.custody.purposes import Keys, Purpose
from paigeant.security.custody.trust import Trust, TrustedKey
from paigeant.security.custody.vouching.voucher import published, read_voucher, verify_voucher

DOCUMENT_BYTES: Final = 256 * 1024 * 1024
RIGHT: Final = "operate:export"
"""Permission that a key needs to sign evidence."""

_HEAD: Final = b'{"evidence":'
_SIGNATURE: Final = b',"signature":"'
_VOUCHER: Final = b'","voucher":"'
_VOUCHED: Final = b'","vouched":"'
_END: Final = b'"}\n'


@dataclass(frozen=True, slots=True)
class RecordEntry:
    """Record, at the place of its hop, see :class:`StoredRecord`."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    path: str
    position: int
    fence: int
    at: AwareDatetime
    kind: str
    text: str
    jws: str


@dataclass(frozen=True, slots=True)
class DeedEntry:
    """Deed to the run, or to a run that contains it, see :class:`Deed`."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    id: UUID
    workflow_id: UUID | None
    at: AwareDatetime
    verb: str
    by: str
    via: str
    arguments: str
    text: str | None
    jws: str | None


@dataclass(frozen=True, slots=True)
class VoucherEntry:
    """Voucher of a signer, see :class:`PublishedKey`: it proves itself."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    kid: str
    text: str
    jws: str


@dataclass(frozen=True, slots=True)
class Document:
    """Whole content: the audience, the time of the export, and whether it has values or their digests."""

    __pydantic_config__: ClassVar[ConfigDict] = STRICT

    k: Literal["evidence"]
    v: Literal[1]
    at: AwareDatetime
    aud: str
    values: bool
    run: RunColumns
    records: tuple[RecordEntry, ...]
    deeds: tuple[DeedEntry, ...]
    vouchers: tuple[VoucherEntry, ...]

    @property
    def stored_records(self) -> list[StoredRecord]:
        """Records as they were stored."""
        run = self.run.workflow_id
        return [
            StoredRecord(
                *(HopKey(run, each.path, each.position), each.fence),
                *(SignedRecord(each.kind, each.text.encode(), each.jws.encode()), each.at),
            )
            for each in self.records
        ]

    @property
    def published_keys(self) -> list[PublishedKey]:
        """Vouchers as they were stored."""
        return [PublishedKey(each.kid, KeyKind.VOUCHER, each.text, each.jws) for each in self.vouchers]

    @property
    def stored_deeds(self) -> list[StoredDeed]:
        """Deeds as they were stored."""
        return [
            StoredDeed(
                Deed(each.id, each.workflow_id, each.verb, each.by, each.via, each.arguments, each.text, each.jws),
                each.at,
            )
            for each in self.deeds
        ]


_DOCUMENT: Final = TypeAdapter(Document)


def document_of(
    evidence: Evidence, audience: str, at: datetime, *, values: bool, keys: Iterable[StoredKey] = ()
) -> Document:
    """Return the document of a run, with its ``values`` or with digests in their place.

    ``keys`` are the published keys of all signers; their vouchers are included.
    """
    run = columns_of(evidence)
    return Document(
        *("evidence", 1, at, audience, values, run if values else without_texts(run)),
        tuple(_record(each) for each in evidence.records),
        tuple(_deed(each) for each in evidence.deeds),
        tuple(VoucherEntry(key.kid, key.text, key.jws) for key, _ in keys if key.jws is not None),
    )


def write_document(document: Document, keys: Keys) -> bytes:
    """Return the signed document; raises InvalidInput for one that is too large to be read again."""
    text, signed = one_spelling(_DOCUMENT.dump_json(document)), list[bytes]()
    signature, voucher = keys.sign(Purpose.EVIDENCE, text), keys.voucher
    if voucher is not None:
        signed = [_VOUCHER, encode(voucher.text.encode()).encode(), _VOUCHED, (voucher.jws or "").encode()]
    made = b"".join((_HEAD, text, _SIGNATURE, signature, *signed, _END))
    if len(made) > DOCUMENT_BYTES:
        raise InvalidInput(f"evidence of {len(made):,} bytes; a document has {DOCUMENT_BYTES:,} at most")
    return made


def read_document(made: bytes, keys: Keyring, audience: str) -> tuple[Document, TrustedKey]:
    """Return a document for this audience and its signer; raises MessageRejected unless a permitted key signed it.

    The key must have been valid at the document's own time of signing. A revoked key does not count at all: a thief
    could write any time, and no store confirms it.
    """
    text, jws, voucher = _take_apart(made)
    if voucher is not None:
        vouched = verify_voucher(keys.trust, voucher)
        key = Trust([vouched]).verify(Purpose.EVIDENCE, text, jws)
    else:
        key = keys.trust.verify(Purpose.EVIDENCE, text, jws)
    if not key.may(RIGHT):
        raise TamperedMessage(f"{key.iss} may not {RIGHT}")
    document = _read(text)
    if document.aud != audience:
        raise TamperedMessage(f"it is for {document.aud!r}, not for {audience!r}")
    if not key.is_for(keys.namespace):
        raise TamperedMessage(f"key {key.key.kid} is not for namespace {keys.namespace!r}")
    revoked = key.is_compromised or key.grants.revoked_from is not None
    flaw = f"key {key.key.kid} is revoked: export it again" if revoked else key.flaw_at(document.at)
    if flaw is not None:
        raise RevokedKey(flaw)
    return document, key


def _take_apart(made: bytes) -> tuple[bytes, bytes, PublishedKey | None]:
    """Split a document into its text, signature and the exporter's voucher; raises TamperedMessage."""
    if len(made) > DOCUMENT_BYTES:
        raise TamperedMessage(f"more than {DOCUMENT_BYTES:,} bytes")
    text, found, signed = made[len(_HEAD) : -len(_END)].rpartition(_SIGNATURE)
    if not found or not made.startswith(_HEAD) or not made.endswith(_END):
        raise TamperedMessage("it is no document of evidence, or is not whole")
    jws, has_voucher, voucher = signed.partition(_VOUCHER)
    return text, jws, _read_voucher(voucher) if has_voucher else None


def _read_voucher(said: bytes) -> PublishedKey:
    """Return a voucher in its stored form; raises TamperedMessage for another spelling."""
    written, found, jws = said.partition(_VOUCHED)
    try:
        text = urlsafe_b64decode(written + b"=" * (-len(written) % 4))
        made = published(read_voucher(text), text, jws)
    except ValueError as error:
        raise TamperedMessage("the voucher of its exporter is none") from error
    if not found or encode(text).encode() != written:
        raise TamperedMessage("the voucher of its exporter is spelled otherwise")
    return made


def _read(text: bytes) -> Document:
    try:
        document = _DOCUMENT.validate_json(text)
    except ValueError as error:
        raise TamperedMessage("it is no document of evidence of version 1") from error
    if one_spelling(_DOCUMENT.dump_json(document)) != text:
        raise TamperedMessage("it is not the text that would be written of it")
    return document


def _record(each: StoredRecord) -> RecordEntry:
    _, path, position = each.key
    text, jws = (part.decode(errors="replace") for part in (each.record.text, each.record.jws))
    return RecordEntry(path, position, each.fence, each.at, each.record.kind, text, jws)


def _deed(each: StoredDeed) -> DeedEntry:
    deed = each.deed
    said = (deed.verb, deed.by, deed.via, deed.arguments, deed.text, deed.jws)
    return DeedEntry(deed.deed_id, deed.workflow_id, each.at, *said)
