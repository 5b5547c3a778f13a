"""librdkafka's broker inside this process, for machines without Java: it speaks Kafka's protocol but keeps nothing."""

from confluent_kafka import Producer

from devstack.errors import StackError


class InProcessKafka:
    """A broker that lives as long as this object; topics appear when they are asked for, with four partitions each."""

    def __init__(self) -> None:
        self._host: Producer | None = Producer(
            {"bootstrap.servers": "in-process", "test.mock.num.brokers": 1, "log_level": 0}
        )

    @property
    def bootstrap(self) -> str:
        """The address for clients, host:port."""
        if self._host is None:
            raise StackError("this broker does not run")
        brokers = self._host.list_topics(timeout=10).brokers.values()
        return ",".join(f"{broker.host}:{broker.port}" for broker in brokers)

    def close(self) -> None:
        """End it, and all that it holds."""
        self._host = None
