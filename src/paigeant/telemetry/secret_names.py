"""Names of secrets: fields whose values must not be shown, in any spelling.

``apiKey``, ``API_KEY``, ``x-api-key`` and ``stripe.api_key.value`` are all one.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import pairwise
from typing import Final

_WORDS: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+")

_ALWAYS: Final = frozenset(
    [
        "pass",
        "passwd",
        "password",
        "passphrase",
        "passcode",
        "pwd",
        "pw",
        "secret",
        "credential",
        "cred",
        "authorization",
        "cookie",
        "bearer",
        "jwt",
        "otp",
        "totp",
        "cvv",
        "cvc",
        "csrf",
        "apikey",
        "authkey",
        "accesskey",
        "secretkey",
        "privatekey",
        "authtoken",
        "accesstoken",
        "refreshtoken",
        "sessionid",
    ]
)
"""Words that make any name the name of a secret."""

_KEYS: Final = frozenset(
    [
        "api",
        "auth",
        "access",
        "account",
        "client",
        "encryption",
        "license",
        "master",
        "private",
        "secret",
        "service",
        "session",
        "shared",
        "signing",
        "ssh",
        "storage",
        "webhook",
    ]
)
"""Words that make a key a secret one; other keys, such as ``idempotency_key``, identify."""

_ABOUT: Final = frozenset(
    [
        "at",
        "age",
        "bytes",
        "count",
        "changed",
        "expires",
        "expiry",
        "kind",
        "length",
        "limit",
        "name",
        "policy",
        "rotated",
        "size",
        "type",
        "updated",
        "usage",
    ]
)
"""Last words of names about a secret, or about tokens of text, that contain none."""

_LAST: Final = frozenset({"auth", "token"})
"""Last words of names that are the secret itself."""


@lru_cache(maxsize=4096)
def is_secret(name: str) -> bool:
    """True if a field of this name may contain a secret: a password, a token, a key."""
    words = [_singular(word.lower()) for word in _WORDS.findall(name)]
    if not words or words[-1] in _ABOUT:
        return False
    if words[-1] in _LAST or not _ALWAYS.isdisjoint(words):
        return True
    pairs = set(pairwise(words))
    return any(first in _KEYS and second == "key" for first, second in pairs) or any(
        pair in pairs for pair in (("session", "id"), ("connection", "string"), ("token", "value"), ("auth", "header"))
    )


def counts_tokens(name: str) -> bool:
    """True if a number in a field of this name counts tokens of text, such as ``input_tokens``."""
    return name.lower().endswith("tokens")


def _singular(word: str) -> str:
    return word.removesuffix("s") if len(word) > 3 and word not in {"pass", "bytes", "expires"} else word  # noqa: PLR2004
