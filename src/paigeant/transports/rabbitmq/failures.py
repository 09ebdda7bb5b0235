"""Translation of RabbitMQ failures: temporary ones become Unavailable, others ConfigError."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from aio_pika import exceptions as amqp

from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.plugins import redacted

FAULTS: Final = (*amqp.CONNECTION_EXCEPTIONS, ValueError, asyncio.CancelledError)
"""Exceptions of broker calls. A lost connection cancels futures, although nobody cancelled the task."""


class NoAnswer(Unavailable):
    """The broker did not answer in time, or one of its queues."""


def is_own_cancellation(error: BaseException) -> bool:
    """True if this task was cancelled, rather than a future of a lost connection."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling() > 0)


def translate(name: str, error: BaseException, seconds: float) -> PaigeantError:
    """Return ConfigError for a failure that waiting does not fix, else Unavailable; ``seconds`` was its timeout."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    text = " ".join(str(cause).split()) or type(error).__name__
    if isinstance(error, TimeoutError):
        return NoAnswer(f"{name}: RabbitMQ did not answer within {seconds:g} s")
    if mistake := _mistake(cause, text):
        return ConfigError(redacted(f"{name}: {mistake}"))
    return Unavailable(redacted(f"{name}: RabbitMQ is away: {text}"))


def _mistake(error: BaseException, text: str) -> str:
    """Return the error in a setting or in the broker, or an empty text if waiting may help."""
    mistake = ""
    match error:
        case amqp.ProbableAuthenticationError() | amqp.AuthenticationError():
            mistake = "RabbitMQ refuses this user or password"
        case amqp.InvalidFrameError() if "Connection.Close" in str(error):  # the client drops its reason
            mistake = "RabbitMQ refuses this virtual host: it is not there, or not for this user"
        case amqp.ChannelPreconditionFailed():
            mistake = f"a queue is there with other arguments; delete it, and its messages are announced again: {text}"
        case amqp.ChannelClosed() if "ACCESS_REFUSED" in str(error):
            mistake = f"RabbitMQ does not let this user do what is needed: {text}"
        case amqp.IncompatibleProtocolError() | amqp.ProtocolSyntaxError():
            mistake = f"what answers there speaks no AMQP 0-9-1, or wants TLS (amqps://): {text}"
        case ssl.SSLError() | FileNotFoundError():
            mistake = f"no TLS with RabbitMQ: {text}"
        case ValueError():
            mistake = f"no URL of RabbitMQ: {text}"
        case _:
            pass
    return mistake
