"""Contract of signers: long-lived keys that never leave their place."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any


class Signer(ABC):
    """Signs with one long-lived key: in a KMS, in Vault, on a token, or behind a program.

    It is too slow for hops. It signs *vouchers*: a process makes an Ed25519 key that never leaves its memory, and the
    signer signs for a day what that key may do. So it is asked when a process starts to sign, every 16 hours, and when
    the process begins to do something that its voucher does not name.

    A package offers one as an entry point in ``paigeant.signers``, a callable that takes one text::

        [project.entry-points."paigeant.signers"]
        kms = "shop.keys:KmsSigner"

    With ``PAIGEANT_SIGNER=kms:alias/paigeant`` it is called once, as ``KmsSigner("alias/paigeant")``, when the key is
    first needed, which must not wait for anything; it raises :class:`~paigeant.errors.ConfigError` for an argument that
    is none. Both methods are awaited in an event loop, one at a time, with 30 seconds for each; what is
    cancelled must leave nothing running. They raise :class:`~paigeant.errors.ConfigError` for what a person has to
    mend, and :class:`~paigeant.errors.Unavailable` for what may work later. Neither text may hold a secret.
    """

    @abstractmethod
    async def public_jwk(self) -> Mapping[str, Any]:
        """Return the public half (RFC 7517), the same each time, without private members.

        Its kind pins the algorithm: ``OKP`` with ``Ed25519`` signs as Ed25519, ``EC`` with ``P-256`` as ES256, ``RSA``
        as RS256. It must be in the trusted key set, with the rights that it can vouch for.
        """

    @abstractmethod
    async def sign(self, text: bytes) -> bytes:
        """Return the signature over exactly these bytes, as JWS has it (RFC 7518, RFC 8037).

        Ed25519: 64 bytes. ES256: r and s, 32 bytes each, not DER. RS256: PKCS #1 v1.5 with SHA-256. The bytes are not
        hashed beforehand. What comes is verified: a signature of another key is an error.
        """
