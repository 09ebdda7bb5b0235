"""What is signed and sealed, read beside a plain reading: records, signatures, JWEs, answers of an issuer."""

from __future__ import annotations

import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Any, Final

from paigeant.errors import IdentityRefused, MessageRejected, TamperedMessage
from paigeant.security.custody.jws import SigningKey, take_apart
from paigeant.security.custody.purposes import Purpose
from paigeant.security.custody.records import read_record
from paigeant.security.custody.trust import Trust, trusted_for_all
from paigeant.security.identity.http import read_answer
from paigeant.security.sealing.jwe import EncryptionKey, seal, unseal
from tests.fuzz.oracle import same, strict

KEY: Final = SigningKey.generate()
TRUST: Final = Trust([trusted_for_all(KEY, "fuzz")])
TEXT: Final = b'{"k":"dispatch"}'
SIGNATURE: Final = KEY.sign(Purpose.RECORD, TEXT)
READER: Final = EncryptionKey.generate()
SEALED: Final = seal("fuzz+jwe", b"secret", [READER])


def record(data: bytes) -> None:
    """A record is, byte for byte, what would be written of its fields, or is refused."""
    try:
        read = read_record(data)
    except MessageRejected:
        return
    said = strict(data.decode())
    assert json.dumps(said, separators=(",", ":"), ensure_ascii=False).encode() == data
    assert same(dict(read.fields), said)
    assert list(read.fields) == list(said)
    assert read.kind == said["k"]
    assert read.place == (said["wf"], said["path"], said["n"])


def signature(data: bytes) -> None:
    """A signature has two parts of base64url in their one spelling, and only one is that of a text."""
    parts = take_apart(data)
    if parts is not None:
        header, made = parts
        assert b"%b..%b" % (header, urlsafe_b64encode(made).rstrip(b"=")) == data
        assert made == urlsafe_b64decode(data.partition(b"..")[2] + b"==")
    for forged in (data, edited(SIGNATURE, data)):
        try:
            TRUST.verify(Purpose.RECORD, TEXT, forged)
        except MessageRejected:
            continue
        assert forged == SIGNATURE, "taken, and not what was signed"


def sealed(data: bytes) -> None:
    """What is sealed opens unchanged, or not at all."""
    for changed in (data, edited(SEALED, data)):
        try:
            plain = unseal("fuzz+jwe", changed, READER)
        except TamperedMessage:
            continue
        assert (changed, plain) == (SEALED, b"secret"), "opened, and not what was sealed"


def token_answer(data: bytes) -> None:
    """An issuer's answer is a JSON object as a plain reader reads it, or is refused."""
    try:
        expected: Any = strict(data)
    except (ValueError, RecursionError):
        expected = None
    try:
        read = read_answer("https://issuer.example", 200, data)
    except IdentityRefused:
        return
    assert isinstance(expected, dict), "taken, and a plain reader refuses it"
    assert same(dict(read), expected)


def edited(made: bytes, data: bytes) -> bytes:
    """Return something with a few of its bytes replaced: the first two say where, the rest by what."""
    at = int.from_bytes(data[:2], "big") % (len(made) + 1)
    return made[:at] + data[2:6] + made[at + len(data[2:6]) :]
