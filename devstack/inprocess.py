"""Broker of librdkafka inside this process, for machines without Java. It speaks Kafka's protocol but keeps nothing."""

from confluent_kafka import Producer

from devstack.errors import StackError


class InProcessKafka:
    """Broker that lives as long as this object. Topics appear at their first use, with four partitions each."""

    def __init__(self) -> None:
        self._host: Producer | None = Producer(
            {"bootstrap.servers": "in-process", "test.mock.num.brokers": 1, "log_level": 0}
        )

    @property
    def bootstrap(self) -> str:
        """Return the address for clients, host:port."""
        if self._host is None:
            raise StackError("this broker is not running")
        brokers = self._host.list_topics(timeout=10).brokers.values()
        return ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def close(self) -> None:
        """End the broker and delete its data."""
        self._host = None
