"""RabbitMQ transport, over quorum queues; RabbitMQ 3.10 or newer."""

from paigeant.transports.rabbitmq.transport import RabbitMQTransport

__all__ = ["RabbitMQTransport"]
