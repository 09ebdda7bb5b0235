"""Sealing of secrets in external values, from a dispatch or an operator."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import cast
from uuid import UUID

from pydantic import JsonValue
from pydantic_core import from_json

from paigeant.engine.runtime import Runtime
from paigeant.errors import ConfigError, InvalidInput
from paigeant.model.limits import SECRET_BYTES
from paigeant.model.secrecy.secrets import SEALED, SecretOrigin, SecretPolicy, may_be_sealed, replaced, wrap
from paigeant.model.values.json_text import to_json


def check_input(policy: SecretPolicy, json: bytes) -> None:
    """Raise InvalidInput for an input with a secret that is too large, or with a forged sealed value."""
    if may_be_sealed(json):
        replaced(from_json(json), _refuse)
    for name, text in _secrets_in(policy, json).items():
        if len(text) > SECRET_BYTES:
            said = f"the secret {name!r} is {len(text):,} bytes as JSON; at most {SECRET_BYTES:,} are sealed"
            raise InvalidInput(f"{said}: keep it elsewhere, and pass what finds it")


def _refuse(jwe: str) -> JsonValue:
    del jwe
    raise InvalidInput(f"the input has an object with {SEALED!r}: that is what a sealed secret is written as")


def require_seals(runtime: Runtime, policy: SecretPolicy | None) -> None:
    """Return if every secret of a policy can be sealed here; raises ConfigError, which names the secret."""
    if policy is None:
        return
    for name, readers in policy.readers.items():
        try:
            runtime.secrets().require(readers)
        except ConfigError as error:
            raise ConfigError(f"the secret {name!r} cannot be sealed: {error}") from error


def seal_input(runtime: Runtime, policy: SecretPolicy | None, workflow_id: UUID, json: bytes) -> bytes:
    """Return an input with its secret fields sealed for this run; raises ConfigError."""
    if policy is None or not (secrets := _secrets_in(policy, json)):
        return json
    fields = cast("dict[str, JsonValue]", from_json(json))
    sealed = {
        name: seal_named(runtime, policy, SecretOrigin(workflow_id, name), text) for name, text in secrets.items()
    }
    texts = [b"%b:%b" % (to_json(name), sealed.get(name) or to_json(value)) for name, value in fields.items()]
    return b"{%b}" % b",".join(texts)


def seal_named(runtime: Runtime, policy: SecretPolicy, origin: SecretOrigin, json: bytes) -> bytes:
    """Return the sealed form of a secret of this name; raises ConfigError and InvalidInput."""
    try:
        return wrap(runtime.secrets().seal(origin, json, policy.readers[origin.name]))
    except (ConfigError, InvalidInput) as error:
        raise type(error)(f"the secret {origin.name!r} is not sealed: {error}") from error


def digest_of_input(policy: SecretPolicy | None, json: bytes) -> str:
    """Return the digest by which a dispatch key recognises an input, in hex, without its secrets.

    The digest of a card number would reveal it: there are few enough numbers to try them all.
    """
    if policy is not None and (secrets := _secrets_in(policy, json)):
        fields = cast("dict[str, JsonValue]", from_json(json))
        json = to_json({name: value for name, value in fields.items() if name not in secrets})
    return hashlib.sha256(json).hexdigest()


def _secrets_in(policy: SecretPolicy, json: bytes) -> Mapping[str, bytes]:
    """Return the secret fields of an input, as JSON texts."""
    value: JsonValue = from_json(json)
    if not isinstance(value, dict):
        return {}
    return {name: to_json(value[name]) for name in policy.readers if name in value}
