"""RabbitMQ, from 3.10: a quorum queue for each topic, and one for the dead letters of the namespace."""

from paigeant.transports.rabbitmq.transport import RabbitMQTransport

__all__ = ["RabbitMQTransport"]
