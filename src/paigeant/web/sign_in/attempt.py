"""An attempt to sign in: what a browser keeps, signed, while its user is at the provider."""

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
"""For which somebody may be at the provider."""


class Attempt(NamedTuple):
    """What links an answer of the provider to the browser that was sent there.

    ``state`` comes back with the answer, ``nonce`` in the token, and the code counts with the ``verifier`` only
    (RFC 7636). ``back`` is the page to go on with, ``redirect_uri`` where the provider sends the browser.
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
        """The SHA-256 of the verifier, as the provider is told it."""
        return urlsafe_b64encode(hashlib.sha256(self.verifier.encode()).digest()).rstrip(b"=").decode()

    def sealed(self, secret: bytes) -> str:
        """Return it as a cookie's value: nothing has to be kept of those who never come back."""
        body = urlsafe_b64encode(to_json(list(self)))
        return f"{body.decode()}.{_signature(secret, body)}"

    @classmethod
    def open(cls, cookie: str, secret: bytes) -> Attempt | None:
        """Return it from a cookie; None if this process has not made it, or if it is too old."""
        body, _, signature = cookie.partition(".")
        right = _signature(secret, body.encode(errors="replace"))
        if not hmac.compare_digest(right.encode(), signature.encode(errors="replace")):
            return None
        found: list[Any] = from_json(urlsafe_b64decode(body))
        attempt = cls(*found)
        return attempt if attempt.until > monotonic() else None


def _signature(secret: bytes, body: bytes) -> str:
    return hmac.new(secret, b"attempt:" + body, hashlib.sha256).hexdigest()
