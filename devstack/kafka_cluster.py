"""Three Kafka brokers on this machine, with three copies of each topic. Two of the copies must be written."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient
from typing_extensions import override

from devstack.kafka import LocalKafka, new_cluster_id

BROKERS = 3
SESSION_SECONDS = 6
"""Time in seconds after which the others regard a silent broker as lost."""
_HEAP_MB = 256

# Settings that differ from those of a single broker. Each broker is a controller too, so with two brokers lost the
# cluster has no controller either.
_CLUSTER_PROPERTIES = """node.id={number}
controller.quorum.voters={voters}
default.replication.factor=3
min.insync.replicas=2
offsets.topic.replication.factor=3
transaction.state.log.replication.factor=3
transaction.state.log.min.isr=2
share.coordinator.state.topic.replication.factor=3
share.coordinator.state.topic.min.isr=2
broker.session.timeout.ms={session_ms}
num.replica.fetchers=1
"""


class KafkaBroker(LocalKafka):
    """One broker of a cluster."""

    def __init__(self, folder: Path, number: int, cluster_id: str) -> None:
        super().__init__(folder, cluster_id=cluster_id, heap_mb=_HEAP_MB)
        self.number, self.voters = number, ""

    @property
    def voter(self) -> str:
        """Return its name among the controllers."""
        return f"{self.number}@127.0.0.1:{self._controller_port}"

    def wait_for_all(self) -> None:
        """Wait until it sees every broker. Raise StackError if it ended or takes too long."""
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        self._wait_until(lambda: _sees_all(admin))

    @override
    def _properties(self) -> str:
        return super()._properties() + _CLUSTER_PROPERTIES.format(
            number=self.number, voters=self.voters, session_ms=SESSION_SECONDS * 1000
        )


class KafkaCluster:
    """Three brokers in KRaft mode. Each can be stopped, killed or frozen by itself."""

    def __init__(self, folder: Path) -> None:
        cluster_id = new_cluster_id()
        self.brokers = [
            KafkaBroker(folder / f"broker-{number}", number, cluster_id) for number in range(1, BROKERS + 1)
        ]
        for broker in self.brokers:
            broker.voters = ",".join(other.voter for other in self.brokers)

    @property
    def bootstrap(self) -> str:
        """Return the addresses of all brokers for clients, comma-separated."""
        return ",".join(broker.bootstrap for broker in self.brokers)

    def start(self) -> None:
        """Start all brokers, and wait until each of them sees the others. Raise StackError if one does not."""
        with ThreadPoolExecutor(BROKERS) as pool:  # each formats its storage first, which takes two seconds
            list(pool.map(KafkaBroker.launch, self.brokers))
        for broker in self.brokers:
            broker.wait_for_all()

    def kill(self) -> None:
        """Kill all brokers as kill -9 does."""
        for broker in self.brokers:
            broker.kill()


def _sees_all(admin: AdminClient) -> bool:
    try:
        return len(admin.list_topics(timeout=1).brokers) == BROKERS
    except KafkaException:
        return False
