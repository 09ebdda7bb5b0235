"""Which store, transport and codec the settings name. Nothing is opened here."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from paigeant.abc import Codec, Schema, Store, Transport
from paigeant.config import Settings
from paigeant.errors import ConfigError
from paigeant.plugins import load_plugin


def choose_store(settings: Settings) -> Store:
    """Return the store; raises ConfigError."""
    store: Store = _plugin("paigeant.stores", settings.store, settings.namespace)
    return store


def choose_store_to_read(settings: Settings) -> tuple[Store, bool]:
    """Return the store if it is there, else an empty one in its place that nothing is kept in, and which it is.

    Raises ConfigError for a database whose folder is missing: it is probably spelt wrongly.
    """
    store = choose_store(settings)
    schema = store.schema()
    if schema is None or schema.is_there():
        return store, True
    return load_plugin("paigeant.stores", "memory")("memory://", namespace=settings.namespace), False


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
    codec: Codec = load_plugin("paigeant.codecs", settings.codec)(settings.codec, namespace=settings.namespace)
    return codec


def _plugin(group: str, url: str, namespace: str) -> Any:
    return load_plugin(group, urlsplit(url).scheme.partition("+")[0], url=url)(url, namespace=namespace)
