"""Address of a RabbitMQ server: its URL, and the part of it that may be shown."""

from __future__ import annotations

from typing import Final

from aio_pika.connection import make_url

from paigeant.errors import ConfigError
from paigeant.plugins import redacted_url

_EXAMPLE: Final = "amqp://user:password@host:5672/vhost"
_OPTIONS: Final = frozenset(
    {"cafile", "capath", "certfile", "keyfile", "no_verify_ssl", "heartbeat", "timeout", "name"}
)
"""Valid options in a URL; others have no meaning to the client, or are set by the transport."""


class RabbitMQAddress:
    """A RabbitMQ by its URL; raises ConfigError for one that cannot be read. Nothing is connected yet."""

    def __init__(self, url: str) -> None:
        try:
            self.url: Final = make_url(url)
        except ValueError:  # its text may contain a part of a password
            text = f"this is no RabbitMQ URL; it should look like {_EXAMPLE}, with %-escapes in user name and password"
            raise ConfigError(text) from None
        for name in self.url.query:
            if name not in _OPTIONS or len(self.url.query.getall(name)) > 1:
                what = "an unknown" if name not in _OPTIONS else "more than one"
                text = f"the RabbitMQ URL has {what} {name!r}; allowed are {', '.join(sorted(_OPTIONS))}"
                raise ConfigError(text)
        self.name: str = redacted_url(str(self.url.with_query(None)))
