"""Redis Streams: a stream a topic, and nothing in it that a run could not do without."""

from paigeant.transports.redis.transport import RedisStreamTransport

__all__ = ["RedisStreamTransport"]
