"""Sealing of variables that an operator sets in a run."""

from __future__ import annotations

from uuid import UUID

from paigeant.engine.runtime import Runtime
from paigeant.engine.secrecy.inputs import seal_named
from paigeant.errors import InvalidInput, MessageRejected
from paigeant.model.message import HopKey
from paigeant.model.secrecy.secrets import SecretOrigin, SecretPolicy


async def sealed_variable(runtime: Runtime, workflow_id: UUID, name: str, json: bytes) -> bytes:
    """Return the stored form of a variable that is set from outside, sealed if it is a secret.

    Raises UnknownRun, ConfigError, and InvalidInput if no message of the run with its policy can be opened here.
    """
    policy = await _policy_of(runtime, workflow_id)
    if policy is None or name not in policy.readers:
        return json
    return seal_named(runtime, policy, SecretOrigin(workflow_id, name), json)


async def _policy_of(runtime: Runtime, workflow_id: UUID) -> SecretPolicy | None:
    """Return the secret policy of a run, from any of its messages."""
    for hop in (await runtime.store.get_run(workflow_id)).journey:
        body = await runtime.store.get_message(HopKey(workflow_id, hop.path, hop.position))
        if not body:
            continue  # passed without a hop
        try:
            return runtime.codec.open(body).message.headers.run.secrets
        except MessageRejected as error:
            text = f"whether the variable is a secret is not known: a message of the run does not open here: {error}"
            raise InvalidInput(text) from error
    return None
