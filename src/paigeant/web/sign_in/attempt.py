"""Sign-in attempt: signed data that the browser keeps while its user is at the provider."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from time import monotonic
from typing import Any, Final, NamedTuple

from pydantic_core import from_json

from paigeant.model.values.json_text import to_json

SECONDS: Final = 600.0
"""Lifetime of an attempt."""


class Attempt(NamedTuple):
    """Link between an answer of the provider and the browser that was sent there.

    ``state`` returns with the answer, ``nonce`` in the token, and the code is valid only with the ``verifier`` (RFC
    7636). ``back`` is the page to return to, ``redirect_uri`` the address to which the provider sends the browser.
    """

    state: str
    nonce: str
    verifier: str
    back: str
    redirect_uri: str
    until: float

    @classmethod
    def begin(cls, back: str, redirect_uri: str) -> Attempt:
        """Return a new one."""
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        return cls(state, nonce, verifier, back, redirect_uri, monotonic() + SECONDS)

    @property
    def challenge(self) -> str:
        """SHA-256 of the verifier, as it is sent to the provider."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def sealed(self, secret: bytes) -> str:
        """Return it as a cookie's value: nothing is stored for people who never return."""
        body = urlsafe_b64encode(to_json(list(self)))
        return f"{body.decode()}.{_signature(secret, body)}"

    @classmethod
    def open(cls, cookie: str, secret: bytes) -> Attempt | None:
        """Parse a cookie; None if this process has not made it, or if it has expired."""
        body, _, signature = cookie.partition(".")
        right = _signature(secret, body.encode(errors="replace"))
        if not hmac.compare_digest(right.encode(), signature.encode(errors="replace")):
            return None
        found: list[Any] = from_json(urlsafe_b64decode(body))
        attempt = cls(*found)
        return attempt if attempt.until > monotonic() else None


def _signature(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, b"attempt:" + body, hashlib.sha256).hexdigest()
