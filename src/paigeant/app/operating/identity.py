"""Renewal of the identity of a run, once its person has signed in again."""

from __future__ import annotations

from uuid import UUID

from paigeant.app.operating.deeds import attest
from paigeant.engine.runtime import Runtime
from paigeant.errors import IdentityRefused, InvalidInput, MessageRejected
from paigeant.model.message import Headers, HopKey
from paigeant.model.people.deeds import DeedVerb
from paigeant.model.runs import OPEN_STEPS
from paigeant.protocol.people.grants import require_open


async def renew_identity(runtime: Runtime, workflow_id: UUID, token: str) -> int:
    """Seal a new token of the same person for a run, and make its waiting steps due; returns their number.

    A run within another has the identity of the outermost one, which is renewed for all of them. Raises InvalidInput
    for an invalid token, a token of somebody else, and a run without an identity; UnknownRun, WrongState,
    IdentityUnavailable and ConfigError.
    """
    headers = await _headers(runtime, workflow_id)
    handle = None if headers is None else headers.security.obo_token
    if headers is None or handle is None:
        raise InvalidInput(f"run {workflow_id} was dispatched without an identity, and acts for nobody")
    run = headers.run.root
    try:
        admitted = await runtime.identities().admit(run, token)
    except IdentityRefused as error:
        raise InvalidInput(f"the token is refused: {error}") from error
    if admitted.grant.handle != handle:
        raise InvalidInput("the token is that of another person than the run was dispatched for")
    until = admitted.grant.expires_at.isoformat()
    deed = await attest(runtime, DeedVerb.IDENTITY_RENEW, run, {"grant": handle, "until": until})
    return await runtime.store.renew_grant(run, admitted.grant, deed=deed)


async def _headers(runtime: Runtime, workflow_id: UUID) -> Headers | None:
    """Return the headers of a message of an open hop of a run; raises WrongState if the run has ended."""
    view = await runtime.store.get_run(workflow_id)
    require_open(view)
    for hop in view.journey:
        key = HopKey(workflow_id, hop.path, hop.position)
        if hop.status in OPEN_STEPS and (body := await runtime.store.get_message(key)):
            try:
                return runtime.codec.open(body).message.headers
            except MessageRejected as error:
                raise InvalidInput(f"the message of position {hop.position} does not open here: {error}") from error
    return None
