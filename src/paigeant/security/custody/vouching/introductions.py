"""Introduced keys: keys outside of the configuration that prove themselves."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable
from time import monotonic
from typing import Any, Final, cast

from pydantic_core import from_json

from paigeant.errors import ConfigError, MessageRejected, TamperedMessage
from paigeant.model.custody.keys import KeyKind, PublishedKey
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.trust import Trust, TrustedKey, kid_of, trusted_for_all
from paigeant.security.custody.vouching.voucher import VOUCHER_BYTES, verify_voucher

DEVELOPMENT: Final = "development"
"""Issuer name of development keys."""

KEPT: Final = 4_000
"""Limit of introduced keys, about 20 MiB."""

ASKED: Final = 10_000
"""Limit of unknown keys in one lookup."""

AGAIN: Final = 2.0
"""Seconds until an unknown key is looked up again: a real key was stored before its first use."""


class Introductions:
    """Introduced keys of a process; the place where they were read is not trusted.

    Vouchers count if keys are configured, development keys if not: ``development`` selects.
    """

    def __init__(self, *, development: bool) -> None:
        """Start without keys."""
        self._development = development
        self._known: OrderedDict[str, PublishedKey] = OrderedDict()
        self._asked: OrderedDict[str, float] = OrderedDict()

    def strangers(self, trust: Trust, signatures: Iterable[bytes]) -> list[str]:
        """Return the ids of unknown keys in these signatures that have not been returned a moment ago."""
        found: dict[str, None] = {}
        now = monotonic()
        for jws in signatures:
            kid = self._stranger(trust, jws)
            if kid is not None and self._asked.get(kid, -AGAIN) <= now - AGAIN:
                found[kid] = None
            if len(found) >= ASKED:
                break
        for kid in found:
            self._asked[kid] = now
            self._asked.move_to_end(kid)
        while len(self._asked) > ASKED:
            self._asked.popitem(last=False)
        return list(found)

    def _stranger(self, trust: Trust, jws: bytes) -> str | None:
        """Return the key id of a signature, if unknown; a key of the set without grants was revoked there."""
        known = trust.find(jws)
        if known is not None:
            if known.key.kid in self._known:
                self._known.move_to_end(known.key.kid)
            return None if known.issuer is not None or known.grants.may else known.key.kid
        return kid_of(jws.partition(b"..")[0])

    def introduce(self, trust: Trust, key: PublishedKey) -> TrustedKey | None:
        """Trust a key that proves itself, and return it; None if it does not count here."""
        try:
            trusted = self._verified(trust, key)
        except (MessageRejected, ConfigError, ValueError, TypeError):
            return None
        trust.add(trusted)
        self._known[key.kid] = key
        self._known.move_to_end(key.kid)
        while len(self._known) > KEPT:
            trust.remove(self._known.popitem(last=False)[0])
        return trusted

    def repeat(self, trust: Trust) -> None:
        """Introduce all again, after a key set was read again."""
        for kid, key in list(self._known.items()):
            if self.introduce(trust, key) is None:
                self._known.pop(kid, None)

    def _verified(self, trust: Trust, key: PublishedKey) -> TrustedKey:
        if len(key.text) > VOUCHER_BYTES:
            raise TamperedMessage("it is too large")
        if not self._development:
            if key.kind != KeyKind.VOUCHER:
                raise TamperedMessage("it is a key of development")
            return verify_voucher(trust, key)
        if key.kind != KeyKind.DEVELOPMENT or key.kid in trust.keys:
            raise TamperedMessage("it is no key of development, or is known")
        said: Any = from_json(key.text)
        made = SigningKey(cast("dict[str, Any]", said) if isinstance(said, dict) else {})
        if made.private or made.kid != key.kid:
            raise TamperedMessage("it is another key")
        return trusted_for_all(made, DEVELOPMENT)
