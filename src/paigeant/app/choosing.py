"""Choice of store, transport and codec from the settings. Nothing is opened here."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from paigeant.abc import Codec, Schema, Signer, Store, Transport
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.plugins import load_plugin
from paigeant.security.custody.purposes import KeyPlaces, Keys
from paigeant.security.key_sets import FileKeySet, KeySet
from paigeant.security.signed import SignedCodec
from paigeant.transports.on_demand import OnDemand

DEVELOPMENT_KEY: Final = "dev.jwk"
PLAIN: Final = "plain"


def choose_store(settings: Settings) -> Store:
    """Return the store; raises ConfigError."""
    store: Store = _plugin("paigeant.stores", settings.store, settings.namespace)
    return store


def choose_parts(settings: Settings, *, create: bool) -> tuple[Store, Transport | None, bool]:
    """Return the store, the transport (None if there is none), and True if the store exists; nothing is opened.

    Unless ``create``, a store that does not exist is replaced by an empty one that keeps nothing, and the transport is
    opened on first use. Raises ConfigError, also for a database whose folder is missing: its path is probably misspelt.
    """
    store, transport = choose_store(settings), choose_transport(settings)
    if create:
        return store, transport, True
    schema = store.schema()
    there = schema is None or schema.is_there()
    if not there:
        store = load_plugin("paigeant.stores", "memory")("memory://", namespace=settings.namespace)
    return store, None if transport is None else OnDemand(transport), there


def choose_schema(settings: Settings) -> Schema:
    """Return the schema of the store's database; raises ConfigError, also for a store that has none."""
    schema = choose_store(settings).schema()
    if schema is None:
        raise ConfigError(f"a {urlsplit(settings.store).scheme}:// store has no schema to upgrade or check")
    return schema


def choose_transport(settings: Settings) -> Transport | None:
    """Return the transport, None where the store itself is the queue; raises ConfigError."""
    if settings.transport is None:
        return None
    transport: Transport = _plugin("paigeant.transports", settings.transport, settings.namespace)
    return transport


def choose_codec(settings: Settings) -> Codec:
    """Return the codec that seals and opens messages; raises ConfigError."""
    if settings.signing == "on":
        if settings.codec != PLAIN:
            text = f"signing is on, and codec is {settings.codec!r}, which signs nothing: say one or the other"
            raise ConfigError(text)
        return SignedCodec(namespace=settings.namespace, audience=settings.audience, keyring=keys_of(settings))
    codec: Codec = load_plugin("paigeant.codecs", settings.codec)(settings.codec, namespace=settings.namespace)
    return codec


def keys_of(settings: Settings, *, create: bool = True) -> Callable[[], Keys]:
    """Return a function that reads the keys of the settings on first use; it raises ConfigError.

    Without ``create`` a missing file of a development key is not created.
    """
    development = _development(settings)
    places = KeyPlaces(
        settings.namespace,
        signing_key=place_of(settings, settings.signing_key),
        trust=key_set_of(settings),
        development=development if create or (development is not None and development.exists()) else None,
        signer=signer_of(settings),
        production=settings.env == "prod",
    )
    return lambda: load_plugin("paigeant.keyrings", "local")(places)


def signer_of(settings: Settings) -> Callable[[], Signer] | None:
    """Return a factory of the signer that the settings name, None if they name none; it raises ConfigError."""
    if settings.signer is None:
        return None
    name, _, argument = settings.signer.partition(":")
    return lambda: load_plugin("paigeant.signers", name)(argument)


def place_of(settings: Settings, name: str | None) -> Path | None:
    """Return the place of a key file that the settings name, None if they name none."""
    return None if name is None else settings.folder / Path(name).expanduser()


def key_set_of(settings: Settings) -> KeySet | None:
    """Return the trusted key set, in a file or at an address, None without one; raises ConfigError."""
    if settings.trust is None:
        return None
    if "://" not in settings.trust:
        return FileKeySet(settings.folder / Path(settings.trust).expanduser())
    from paigeant.security.key_set_address import at_address  # noqa: PLC0415  (loads cryptography)

    folder = development_folder(settings)
    name = f"trust-{sha256(settings.trust.encode()).hexdigest()[:16]}.json"
    return at_address(settings.trust, None if folder is None else folder / name)


def _development(settings: Settings) -> Path | None:
    folder = development_folder(settings)
    return None if folder is None else folder / DEVELOPMENT_KEY


def development_folder(settings: Settings) -> Path | None:
    """Return the folder of development keys: next to a database in a file, else the project's folder."""
    scheme, _, path = settings.store.partition(":///")
    match scheme.partition("+")[0].partition(":")[0]:
        case "memory":
            return None
        case "sqlite":
            folder = settings.folder / Path(path).expanduser().parent  # not parsed as a URL: "?" is part of the path
            return None if path.startswith(":memory:") or not path else folder / "keys"
        case _:
            return settings.folder / ".paigeant" / "keys"


def _plugin(group: str, url: str, namespace: str) -> Any:
    return load_plugin(group, urlsplit(url).scheme.partition("+")[0], url=url)(url, namespace=namespace)
