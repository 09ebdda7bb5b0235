"""Redis transport, over Redis Streams."""

from paigeant.transports.redis.transport import RedisStreamTransport

__all__ = ["RedisStreamTransport"]
