"""The plain codec: a frame and nothing secret. It tells our messages from others, not friends from strangers."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue, ValidationError

from paigeant.abc import Codec, Opened
from paigeant.errors import InvalidInput, MessageRejected
from paigeant.model.hops import Sealed
from paigeant.model.limits import DEPTH, STEPS
from paigeant.model.message import SPEC_VERSION, Headers, PaigeantMessage, Payload
from paigeant.model.routing_slip import RoutingSlip
from paigeant.security.frame import check_depth, check_size, read_frame, read_json, write_frame

_ENVELOPE: Final = 8
"""How deep the deepest value lies within a message, so that one of depth 32 can travel."""

_HEADERS: Final = Headers.__pydantic_serializer__
_PAYLOAD: Final = Payload.__pydantic_serializer__
_SLIP: Final = RoutingSlip.__pydantic_serializer__
"""Asked one by one: pydantic takes twice as long to compare the whole message with its defaults."""

_SAID: Final = {"spec_version"}


class PlainCodec(Codec):
    """Seals a message as the JSON of what differs from the defaults; the same message gives the same bytes."""

    def __init__(self, name: str = "plain", *, namespace: str = "default") -> None:
        """Take what every codec is made from; it needs neither."""
        del name, namespace

    def seal(self, message: PaigeantMessage) -> Sealed:
        """Return the message's bytes, which :meth:`open` turns into an equal message.

        Raises :class:`~paigeant.errors.InvalidInput` if it is over 1 MiB, too deep, too long, or no JSON.
        """
        try:
            _check_shape(message)
            body = _dump(message)
            check_size(body)
            check_depth(body, DEPTH + _ENVELOPE)
        except ValueError as error:
            raise InvalidInput(f"message {message.headers.message_id} cannot travel: {error}") from error
        return Sealed(message.headers.message_id, message.topic, write_frame(body))

    def open(self, body: bytes) -> Opened:
        """Return the message; limits are checked before anything is parsed, and nothing else is raised."""
        try:
            text = read_frame(body)
            _check_claims(read_json(text, depth=DEPTH + _ENVELOPE))
            message = PaigeantMessage.model_validate_json(text)
            _check_shape(message)
        except Exception as error:  # whatever a stranger's bytes provoke, it means the same
            raise MessageRejected(f"not a message of ours: {_explain(error)}") from error
        return Opened(message)


def _explain(error: Exception) -> str:
    """Return what was wrong, without the values that were there: they may be somebody's secrets."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _dump(message: PaigeantMessage) -> str:
    """Return the body. The version is always said: a reader's default for it would be the reader's own."""
    headers = _HEADERS.to_json(message.headers, exclude_defaults=True, exclude=_SAID).decode()
    payload = _PAYLOAD.to_json(message.payload, exclude_defaults=True).decode()
    slip = _SLIP.to_json(message.routing_slip, exclude_defaults=True).decode()
    version = message.headers.spec_version
    return f'{{"headers":{{"spec_version":{version},{headers[1:]},"payload":{payload},"routing_slip":{slip}}}'


def _check_claims(body: JsonValue) -> None:
    """Raise ValueError for what a message must not be, before a model is made of it."""
    match body:
        case {"headers": {"spec_version": int(version)}} if version > SPEC_VERSION:
            raise ValueError(f"spec_version {version}, and this code reads up to {SPEC_VERSION}: upgrade it")
        case {"headers": {"spec_version": int()}, "routing_slip": {"itinerary": list(steps)}}:
            _check_steps(len(steps))
        case {"headers": {"spec_version": int()}}:
            return
        case _:
            raise ValueError("headers with a spec_version are missing")


def _check_steps(count: int) -> None:
    if count > STEPS:
        raise ValueError(f"an itinerary of {count} steps; a run has at most {STEPS}")


def _check_shape(message: PaigeantMessage) -> None:
    """Raise ValueError unless the message says which hop it is, and which step comes next."""
    _check_steps(len(message.routing_slip.itinerary))
    if message.headers.message_id != message.key.message_id:
        raise ValueError(f"the message_id {message.headers.message_id!r} is not that of hop {message.key.message_id}")
    try:
        topic, step = message.topic, message.step_id
    except IndexError as error:
        raise ValueError(f"nothing to {message.headers.direction} in its routing slip") from error
    del topic, step
