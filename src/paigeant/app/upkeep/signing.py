"""Checks of signing keys: those of the settings, and those that processes have published."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from paigeant.abc import Store
from paigeant.app.choosing import keys_of, signer_of
from paigeant.config import Settings
from paigeant.errors import ConfigError, Unavailable
from paigeant.model.checks.findings import Finding
from paigeant.model.custody.keys import KeyKind
from paigeant.security.custody.purposes import Purpose, Verified, utc_now


async def examine_keys(settings: Settings) -> list[Finding]:
    """Return findings about the keys that the settings name, if they are used; a signer is asked for a signature.

    Without signing there are none.
    """
    if settings.signing == "off":
        return []
    from paigeant.security.custody.keyring import Keyring  # noqa: PLC0415  (loads cryptography)

    try:
        keys = keys_of(settings, create=False)()
        if not isinstance(keys, Keyring):
            return []
        trusted = Finding.ok("keys", f"{len(keys.trust.keys)} trusted")
        return [trusted, *await _examine_signer(settings, keys.trust.keys)]
    except ConfigError as error:
        return [Finding.problem("keys", str(error), "see the how-to on signing")]
    except Unavailable as error:
        return [Finding.problem("signer", str(error), "have its service answer: the log of the program says more")]


async def _examine_signer(settings: Settings, trusted: Mapping[str, Verified]) -> list[Finding]:
    from paigeant.security.custody.vouching.own import VouchedKey  # noqa: PLC0415  (loads cryptography)

    make = signer_of(settings)
    if make is None:
        return []
    signer = VouchedKey(make, settings.namespace, utc_now)
    await signer.sign(Purpose.VOUCHER, b"doctor asks whether this can be signed")
    issuer = trusted.get((await signer.issuer()).kid)
    if issuer is None:
        said = "the key of PAIGEANT_SIGNER is not in the key set"
        return [Finding.problem("signer", said, "publish what `paigeant keys export-jwks --iss NAME --may …` prints")]
    return [Finding.ok("signer", f"it signs, as {issuer.iss}")]


async def examine_published(settings: Settings, store: Store) -> list[Finding]:
    """Return findings about the keys that processes have published."""
    if settings.signing == "off":
        return []
    now, found = datetime.now(UTC), await store.list_keys()
    good = [key.until for key, _ in found if key.kind == KeyKind.VOUCHER and key.until is not None and key.until > now]
    kinds = Counter(key.kind for key, _ in found)
    said = "none"
    if good:
        said = f"{_counted(len(good))} good, the last until {max(good).isoformat(timespec='seconds')}"
    elif kinds[KeyKind.VOUCHER]:
        said = "no voucher is good any more: whoever has a signer asks for one when it has something to sign"
    machines = kinds[KeyKind.DEVELOPMENT]
    if machines and settings.trust is None and settings.env != "prod":
        said = f"{machines} keys of development are trusted, and prove nothing against who writes to the store"
    return [Finding.ok("published keys", said)]


def _counted(vouchers: int) -> str:
    return "1 voucher is" if vouchers == 1 else f"{vouchers:,} vouchers are"
