"""Plain codec: a frame without signatures. It recognises our messages, and authenticates nobody."""

from __future__ import annotations

from typing import Final

from pydantic import JsonValue, ValidationError

from paigeant.abc import Codec, Opened
from paigeant.errors import InvalidInput, MessageRejected
from paigeant.model.custody.records import SignedRecord
from paigeant.model.hops import Sealed
from paigeant.model.limits import DEPTH, NESTED
from paigeant.model.message import ENTRIES_VERSION, SPEC_VERSION, PaigeantMessage
from paigeant.model.stored.plans import ENTRY_DEPTH, check_plan_size
from paigeant.model.values.values import Inline
from paigeant.security.frame import Frame, check_depth, check_size, read_frame, read_json, write_frame
from paigeant.security.wire import WireMessage, check_shape, write_body

_ENVELOPE: Final = 8 + 4 * NESTED
"""Depth of the envelope around a value, so that a value of depth 32 can travel, also within nested entries."""


_VERSIONS: Final = (SPEC_VERSION, ENTRIES_VERSION)


class PlainCodec(Codec):
    """Seals a message as JSON without defaults; the same message always has the same bytes."""

    def __init__(self, name: str = "plain", *, namespace: str = "default") -> None:
        """Accept the arguments of every codec; it needs neither."""
        del name, namespace

    def seal(self, message: PaigeantMessage) -> Sealed:
        """Return the message's bytes, which :meth:`open` parses into an equal message; raises as :meth:`write`."""
        body = self.write(message)
        return Sealed(message.headers.message_id, message.topic, write_frame(body))

    def write(self, message: PaigeantMessage) -> bytes:
        """Return the body, always the same for the same message.

        Raises :class:`~paigeant.errors.InvalidInput` if the body or its itinerary is over 1 MiB, the itinerary has too
        many entries, or the message has no next step.
        """
        try:
            _check_plan(message)
            check_shape(message)
            _check_depth(message)
            body = write_body(message)
            check_size(body)
        except ValueError as error:
            raise InvalidInput(f"message {message.headers.message_id} cannot travel: {error}") from error
        return body

    def open(self, body: bytes) -> Opened:
        """Parse a message; limits are checked before parsing, and no other error is raised."""
        try:
            frame = read_frame(body)
            record = self.record_of(frame)
            _check_version(read_json(frame.body, depth=DEPTH + _ENVELOPE))
            return Opened(WireMessage.model_validate_json(frame.body).message(), record)
        except Exception as error:  # untrusted bytes may cause any error: all mean an invalid message
            raise MessageRejected(f"not a message of ours: {_explain(error)}") from error

    def record_of(self, frame: Frame) -> SignedRecord | None:
        """Return the signed record in a frame; raises ValueError if it cannot be verified here."""
        if frame.record is not None:
            raise ValueError("a frame with a record and a signature, and signing is off here")
        return None


def _explain(error: Exception) -> str:
    """Return the text of an error without the values, which may be secret."""
    if not isinstance(error, ValidationError):
        return str(error)
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


def _check_plan(message: PaigeantMessage) -> None:
    """Raise ValueError if the plan is too large or deep, or unknown. It is measured once, not with every message."""
    itinerary = message.routing_slip.itinerary
    if itinerary.missing is not None:
        raise ValueError("the plan of its itinerary has not been read from the store")
    check_plan_size(itinerary.plan.size_ahead(0))
    if itinerary.plan.depth > DEPTH + ENTRY_DEPTH:
        raise ValueError(f"an entry of its itinerary that nests deeper than {DEPTH}")


def _check_depth(message: PaigeantMessage) -> None:
    """Raise ValueError if a value nests too deep."""
    payload = message.payload
    for value in (payload.input, payload.previous):
        if isinstance(value, Inline):
            check_depth(value.json, DEPTH)


def _check_version(body: JsonValue) -> None:
    """Raise ValueError for an unsupported message, before a model is made of it."""
    match body:
        case {"headers": {"spec_version": int(version)}} if type(version) is int and version in _VERSIONS:
            return
        case {"headers": {"spec_version": int(version)}}:
            hint = "upgrade it" if version > ENTRIES_VERSION else "it was written by an older one"
            raise ValueError(f"spec_version {version}, and this code reads {' and '.join(map(str, _VERSIONS))}: {hint}")
        case _:
            raise ValueError("headers with a spec_version are missing")
