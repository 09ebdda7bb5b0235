"""Failures of RabbitMQ in our words: what to wait for, and what to fix."""

from __future__ import annotations

import asyncio
import ssl
from typing import Final

from aio_pika import exceptions as amqp

from paigeant.errors import ConfigError, PaigeantError, Unavailable
from paigeant.plugins import redacted

FAULTS: Final = (*amqp.CONNECTION_EXCEPTIONS, ValueError, asyncio.CancelledError)
"""What a call to the broker may end with. A lost connection cancels futures that nobody else wanted cancelled."""


class NoAnswer(Unavailable):
    """The broker did not answer in time, or one of its queues."""


def is_own_cancellation(error: BaseException) -> bool:
    """Tell whether it is this task that was cancelled, and not a future of a connection that was lost."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling() > 0)


def translate(name: str, error: BaseException, seconds: float) -> PaigeantError:
    """Return ConfigError for what waiting does not fix, else Unavailable; ``seconds`` were given to it."""
    cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
    text = " ".join(str(cause).split()) or type(error).__name__
    if isinstance(error, TimeoutError):
        return NoAnswer(f"{name}: RabbitMQ did not answer within {seconds:g} s")
    if mistake := _mistake(cause, text):
        return ConfigError(redacted(f"{name}: {mistake}"))
    return Unavailable(redacted(f"{name}: RabbitMQ is away: {text}"))


def _mistake(error: BaseException, text: str) -> str:
    """Return what is wrong with a setting or with the broker, or nothing if waiting may help."""
    mistake = ""
    match error:
        case amqp.ProbableAuthenticationError() | amqp.AuthenticationError():
            mistake = "RabbitMQ refuses this user or password"
        case amqp.InvalidFrameError() if "Connection.Close" in str(error):  # its reason is lost on the way to here
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
