"""Sealing of values that a person gives to a run: variables, and payloads of signals."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from paigeant.engine.runtime import Runtime
from paigeant.engine.secrecy.inputs import seal_named
from paigeant.errors import InvalidInput, MessageRejected, UnknownRun
from paigeant.model.message import HopKey
from paigeant.model.secrecy.secrets import SecretOrigin, SecretPolicy


async def sealed_variable(runtime: Runtime, workflow_id: UUID, name: str, json: bytes) -> bytes:
    """Return the stored form of a variable that is set from outside, sealed if it is a secret of the run.

    An unknown run has no secrets. Raises ConfigError, and InvalidInput for a secret that is too large, or if no message
    of the run with its policy can be opened here.
    """
    policy = await _policy_of(runtime, workflow_id)
    if policy is None or name not in policy.readers:
        return json
    return seal_named(runtime, policy, SecretOrigin(workflow_id, name), json)


async def require_no_secret(runtime: Runtime, workflow_id: UUID, names: Iterable[str]) -> None:
    """Return if none of these names in an answer is a secret of the run; raises InvalidInput."""
    policy = await _policy_of(runtime, workflow_id)
    for name in names:
        if policy is not None and name in policy.readers:
            cure = f"send it as the signal {name!r}, or set the variable"
            raise InvalidInput(f"{name!r} is a secret of the run, and an answer is shown to a model: {cure}")


async def _policy_of(runtime: Runtime, workflow_id: UUID) -> SecretPolicy | None:
    """Return the secret policy of a run, which is the same in all of its messages."""
    body = await runtime.store.get_message(HopKey(workflow_id, "", 1)) or await _any_message(runtime, workflow_id)
    if body is None:
        return None
    try:
        return runtime.codec.open(body).message.headers.run.secrets
    except MessageRejected as error:
        text = f"whether the value is a secret is not known: a message of the run does not open here: {error}"
        raise InvalidInput(text) from error


async def _any_message(runtime: Runtime, workflow_id: UUID) -> bytes | None:
    """Return a message of a run whose first entry was passed without a hop, or that is a fork."""
    try:
        view = await runtime.store.get_run(workflow_id)
    except UnknownRun:
        return None
    for hop in view.journey:
        if body := await runtime.store.get_message(HopKey(workflow_id, hop.path, hop.position)):
            return body
    return None
