"""Apache Kafka as a process on this machine: one node in KRaft mode, both broker and controller."""

import base64
import subprocess
import uuid
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from devstack.errors import StackError
from devstack.packages import kafka_jars
from devstack.processes import answers, free_port
from devstack.server import LocalServer

# Only the C1 compiler: half the processor time at the start, and on two cores a quarter less under load too.
_JVM = [
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
]

# Settings for a development machine: one copy and few partitions for Kafka's own topics. The first member of a group
# does not wait, and a broker that was killed need not wait 9 s before it joins again.
_PROPERTIES = """process.roles=broker,controller
node.id=1
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={data}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
"""


class LocalKafka(LocalServer):
    """Kafka with its data in `folder`. After `stop` or `kill` it starts again with the same port and data."""

    def __init__(self, folder: Path, *, cluster_id: str | None = None, heap_mb: int = 512) -> None:
        super().__init__("Kafka", folder)
        self._controller_port = free_port()
        self._cluster_id, self._heap_mb = cluster_id or new_cluster_id(), heap_mb

    @property
    def bootstrap(self) -> str:
        """Return the address for clients, host:port."""
        return f"127.0.0.1:{self._port}"

    def launch(self) -> None:
        """Start Kafka without waiting."""
        jars = str(kafka_jars() / "*")
        properties = self._folder / "server.properties"
        if not properties.exists():
            self._format(jars, properties)
        heap = [f"-Xms{self._heap_mb // 2}m", f"-Xmx{self._heap_mb}m"]
        command = ["java", *heap, *_JVM, "-cp", jars, "kafka.Kafka", str(properties)]
        self._run(command)

    def wait(self) -> None:
        """Wait until Kafka serves."""
        self._wait_until(lambda: answers(self._port))
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        self._wait_until(lambda: has_broker(admin))

    def _properties(self) -> str:
        """Return the settings. If a line appears twice, the later one counts."""
        return _PROPERTIES.format(port=self._port, controller_port=self._controller_port, data=self._folder / "data")

    def _format(self, jars: str, properties: Path) -> None:
        """Give the empty data folder its cluster id, once."""
        unformatted = properties.with_suffix(".draft")
        unformatted.write_text(self._properties())
        storage_tool = ["java", *_JVM, "-cp", jars, "kafka.tools.StorageTool"]
        command = [*storage_tool, "format", "-t", self._cluster_id, "-c", str(unformatted)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise StackError(f"Kafka's storage could not be formatted: {(done.stderr or done.stdout).strip()}")
        unformatted.rename(properties)


def new_cluster_id() -> str:
    """Return a random id. One that begins with a hyphen would look like an option, so its first bit is cleared."""
    random = uuid.uuid4().bytes
    return base64.urlsafe_b64encode(bytes([random[0] & 0x7F]) + random[1:]).decode().rstrip("=")


def has_broker(admin: AdminClient) -> bool:
    """Return whether a broker can be used. That is later than when it accepts connections."""
    try:
        return bool(admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return False
