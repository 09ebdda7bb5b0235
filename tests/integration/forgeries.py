"""Forged messages: what a stranger makes of a genuine one, with every key but a trusted one."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from uuid_utils.compat import uuid7

from paigeant.abc import DispatchTerms
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.purposes import Purpose
from paigeant.security.signed import SignedCodec

LARGE: Final = "6 MB"


def forgeries(genuine: bytes, others: Mapping[str, bytes], keys: Mapping[str, SigningKey]) -> dict[str, bytes]:
    """Return forgeries of a message, by what was done to it.

    ``others`` are genuine messages of other runs, positions and environments; ``keys`` are those that do not count,
    by why, and the ``trusted`` one, of which a stranger has the public half.
    """
    head, body, record, jws = genuine.split(b"\n")
    made = {
        "a byte of the body": _joined(head, body.replace(b'"mine', b'"evil'), record, jws),
        "a byte of the record": _joined(head, body, record.replace(b'"by":"', b'"by":"x'), jws),
        "a byte of the signature": _joined(
            head, body, record, jws[:-9] + (b"A" if jws[-9:-8] != b"A" else b"B") + jws[-8:]
        ),
        "a byte of the frame": b'{"v":3}' + genuine[len(head) :],
        "a byte less": genuine[:-1],
        "a byte more": genuine + b"A",
        "a line less": _joined(head, body, record),
        "lines in another order": _joined(head, record, body, jws),
        "no record": _joined(head, body),
        "keys doubled in the body": _joined(head, b'{"headers":{},' + body[1:], record, jws),
        "keys doubled in the record": _joined(head, body, b'{"k":"hop",' + record[1:], jws),
        "10,000 levels": _joined(head, b'{"payload":' + b"[" * 10_000 + b"]" * 10_000 + b"}", record, jws),
        LARGE: genuine + b" " * 6_000_000,
        "nothing": b"",
    }
    for name, other in others.items():
        _, its_body, its_record, its_jws = other.split(b"\n")
        made[f"the body of {name}"] = _joined(head, its_body, record, jws)
        made[f"the record of {name}"] = _joined(head, body, its_record, its_jws)
        made[f"the message of {name}"] = other
    return made | {name: _joined(head, body, record, token) for name, token in _tokens(record, jws, keys).items()}


def signed_by_others(genuine: bytes, codec_for: Callable[[str | None], SignedCodec]) -> dict[str, bytes]:
    """Return messages that are signed with a trusted key, and that no store has recorded.

    The last is of the run of ``genuine``; ``codec_for`` an audience gives what signs, for None that of here.
    """
    message, now = codec_for(None).open(genuine).message, datetime.now(UTC)

    def sealed(audience: str | None = None, **run: Any) -> bytes:
        headers = replace(message.headers, created_at=now, run=replace(message.headers.run, **run))
        signed = codec_for(audience).begin(replace(message, headers=headers), DispatchTerms("stranger"))
        return signed.messages[0].body

    return {
        "a message that is foreign": sealed("staging", workflow_id=uuid7()),
        "a message that is expired": sealed(workflow_id=uuid7(), deadline=now - timedelta(hours=1)),
        "a message of an unknown run": sealed(workflow_id=uuid7()),
        "a second message of its hop": sealed(),
    }


def _tokens(record: bytes, jws: bytes, keys: Mapping[str, SigningKey]) -> dict[str, bytes]:
    """Return signatures of a record that count for nothing."""
    trusted, attacker = keys["trusted"], SigningKey.generate()
    said: dict[str, Any] = {"alg": "Ed25519", "b64": False, "crit": ["b64"], "kid": trusted.kid}
    typ = {"typ": str(Purpose.RECORD)}
    none, hmac_header = _encoded({**said, **typ, "alg": "none"}), _encoded({**said, **typ, "alg": "HS256"})
    embedded = _encoded({**said, **typ, "jwk": attacker.public_jwk, "kid": attacker.kid})
    secret = json.dumps(trusted.public_jwk).encode()
    mac = hmac.digest(secret, b"%b.%b" % (hmac_header, record), hashlib.sha256)
    forged = attacker.sign(Purpose.RECORD, record).partition(b"..")[2]
    header, _, signature = jws.partition(b"..")
    return {
        "alg none": b"%b..AA" % none,
        "HS256 with the public key": b"%b..%b" % (hmac_header, _base64(mac)),
        "a key that it brings along": b"%b..%b" % (embedded, forged),
        "an address of keys": b"%b..%b" % (_encoded({**said, **typ, "jku": "https://evil.example"}), forged),
        "a payload inside the token": b"%b.%b.%b" % (header, _base64(record), signature),
        "a deed's signature": trusted.sign(Purpose.DEED, record),
        **{f"a key that is {why}": key.sign(Purpose.RECORD, record) for why, key in keys.items() if why != "trusted"},
    }


def _joined(*lines: bytes) -> bytes:
    return b"\n".join(lines)


def _encoded(header: Mapping[str, Any]) -> bytes:
    return _base64(json.dumps(header, separators=(",", ":")).encode())


def _base64(text: bytes) -> bytes:
    return urlsafe_b64encode(text).rstrip(b"=")
