"""The key of a process that a signer vouches for: created in memory, used for a day at most, and never stored."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from time import monotonic
from typing import Final, NamedTuple, TypeVar

from paigeant.abc.codec import KeepKeys
from paigeant.abc.custody.signer import Signer
from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.model.custody.keys import PublishedKey
from paigeant.model.values.digests import encode
from paigeant.security.custody.jws import SigningKey
from paigeant.security.custody.purposes import Purpose
from paigeant.security.custody.trust import Trust, TrustedKey
from paigeant.security.custody.vouching.voucher import LIFE, Voucher, published, verify_voucher, write_voucher

T = TypeVar("T")

PATIENCE: Final = 15.0
"""Timeout of a signer's answer, in seconds."""

CLOCKS: Final = timedelta(minutes=5)
"""Tolerated difference between the clocks of this process and of a store."""

RENEWED: Final = LIFE / 3
"""Remaining validity at which a voucher is renewed."""

LAST: Final = timedelta(minutes=10)
"""Remaining validity below which no work is begun that would have to be signed later."""

AGAIN: Final = 60.0
"""Seconds until a failed signer is called again, while there is a valid voucher."""

_LOG: Final = logging.getLogger("paigeant.keys")


class Vouched(NamedTuple):
    """A key of this process, as it is trusted, and its voucher."""

    key: SigningKey
    trusted: TrustedKey
    until: datetime
    voucher: PublishedKey


class VouchedKey:
    """Key of a process, with exactly the permissions that the process has requested so far."""

    def __init__(self, make: Callable[[], Signer], namespace: str, now: Callable[[], datetime]) -> None:
        """Call no signer yet. ``make`` creates the signer, once; ``now`` is the time of this machine."""
        self._make, self._namespace, self._now = make, namespace, now
        self._signer: Signer | None = None
        self._public: SigningKey | None = None
        self._rights: set[str] = set()
        self._failed = -AGAIN
        self._lock = asyncio.Lock()
        self.current: Vouched | None = None
        """Key that signs at present, if any."""

    async def issuer(self) -> SigningKey:
        """Return the public half of the signer's key; raises ConfigError and Unavailable."""
        if self._signer is None:
            self._signer = self._make()
        if self._public is None:
            made = SigningKey(await _answer(self._signer.public_jwk()))
            if made.private:
                raise ConfigError("PAIGEANT_SIGNER shows its private key: it has to keep that to itself")
            self._public = made
        return self._public

    async def sign(self, purpose: Purpose, text: bytes) -> bytes:
        """Return the detached JWS of the signer over a text, verified; raises ConfigError and Unavailable."""
        public = await self.issuer()
        header = public.header(purpose)
        signature = await _answer((self._signer or self._make()).sign(b"%b.%b" % (header, text)))
        if not public.verifies(header, signature, text):
            why = f"PAIGEANT_SIGNER answers what is no {public.algorithm} signature of its key {public.kid}"
            raise ConfigError(f"{why}: it has to be one over exactly the bytes that it is given")
        return b"%b..%b" % (header, encode(signature).encode())

    async def prepare(self, trust: Callable[[], Trust], keep: KeepKeys, rights: Collection[str]) -> bool:
        """Return once a key with these permissions is vouched for, valid for some time; True if it is a new one.

        ``keep`` has returned before the key is used. While there is such a key, failures of a signer or a store are
        logged, and the next call tries again. Raises ConfigError if the signer's key lacks a permission, and
        Unavailable.
        """
        async with self._lock:
            wanted = self._rights | set(rights)
            left = self._left(wanted)
            if left > (LAST if self._has_failed() else RENEWED):
                return False
            try:
                self.current = await self._vouch(trust(), keep, wanted)
            except PaigeantError as error:
                if left <= LAST:
                    raise
                self._failed = monotonic()
                minutes = left.total_seconds() / 60
                _LOG.warning("%s; the voucher of this process is good for %.0f minutes yet", error, minutes)
                return False
            self._failed, self._rights = -AGAIN, wanted
            said = (self.current.key.kid, self.current.trusted.iss, self.current.until.isoformat(timespec="seconds"))
            _LOG.info("key %s signs here, as %s vouches until %s", *said)
            return True

    def look_up(self, trust: Trust) -> None:
        """Check the key against a key set that was read again: it may have fewer permissions now, or be invalid."""
        if self.current is not None:
            trusted = trust.keys.get(self.current.key.kid)
            until = None if trusted is None or trusted.issuer is None else trusted.grants.exp
            if trusted is None or until is None:
                self.current = None
            else:
                self.current = self.current._replace(trusted=trusted, until=until)

    def _has_failed(self) -> bool:
        return monotonic() - self._failed < AGAIN

    def _left(self, rights: Collection[str]) -> timedelta:
        """Return the remaining validity of a key with all these permissions."""
        found, now = self.current, self._now()
        if found is None or found.trusted.flaw_at(now) or not all(found.trusted.may(right) for right in rights):
            return timedelta()
        return found.until - now

    async def _vouch(self, trust: Trust, keep: KeepKeys, rights: Collection[str]) -> Vouched:
        public = await self.issuer()
        issuer = trust.keys.get(public.kid)
        if issuer is None or issuer.issuer is not None:
            text = f"the key of PAIGEANT_SIGNER ({public.kid}) is not in the key set: nobody would trust it"
            raise ConfigError(f"{text}; publish what `paigeant keys export-jwks --iss NAME --may …` prints")
        nbf = self._now() - CLOCKS
        key = SigningKey.generate()
        by = f"{socket.gethostname()}-{os.getpid()}"
        voucher = Voucher(key, _asked(issuer, rights), (self._namespace,), nbf, nbf + LIFE, by)
        text = write_voucher(voucher)
        made = published(voucher, text, await self.sign(Purpose.VOUCHER, text))
        try:
            trusted = verify_voucher(trust, made)
        except PaigeantError as error:
            raise ConfigError(f"nobody would trust what PAIGEANT_SIGNER vouches for: {error}") from error
        flaw = trusted.flaw_at(self._now())
        if flaw is not None:
            raise ConfigError(f"PAIGEANT_SIGNER can vouch for nothing: {flaw}")
        await keep([made])
        return Vouched(key, trusted, trusted.grants.exp or voucher.exp, made)


def _asked(issuer: TrustedKey, rights: Collection[str]) -> tuple[str, ...]:
    """Return the permissions for a voucher: all operator verbs at once, else a server would need one for each verb.

    Raises ConfigError if the signer's own key lacks one.
    """
    for right in rights:
        if not issuer.may(right):
            raise ConfigError(f"the key of {issuer.iss} may not {right}: add it to its rights, or use another key")
    operates = any(right.startswith("operate:") for right in rights)
    every = {right for right in issuer.grants.may if operates and right.startswith("operate:")}
    return tuple(sorted(every | {right for right in rights if not right.startswith("operate:")}))


async def _answer(asking: Awaitable[T]) -> T:
    """Return a signer's answer; raises ConfigError and Unavailable, whatever it raises."""
    try:
        async with asyncio.timeout(PATIENCE):
            return await asking
    except TimeoutError as error:
        raise Unavailable(f"PAIGEANT_SIGNER has not answered in {PATIENCE:g} seconds") from error
    except PaigeantError:
        raise
    except Exception as error:  # noqa: BLE001  (its text may hold what nobody else may know)
        raise Unavailable(f"PAIGEANT_SIGNER failed: {type(error).__name__}") from None
