"""Apache Kafka as a process on this machine: one node in KRaft mode, broker and controller at once."""

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

# The quick compiler alone: half the processor time at the start, and on two cores a quarter less under load too.
_JVM = [
    "-XX:TieredStopAtLevel=1",
    "-XX:+UseSerialGC",
    "-XX:-UsePerfData",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
]

# What a development machine wants: one copy, few partitions for Kafka's own topics, no wait before a group's first
# member works, and none of 9 s before a broker that was killed is let in again.
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
    """A Kafka with its data in `folder`; after `stop` or `kill` it starts again with the same port and data."""

    def __init__(self, folder: Path) -> None:
        super().__init__("Kafka", folder)
        self._controller_port = free_port()

    @property
    def bootstrap(self) -> str:
        """The address for clients, host:port."""
        return f"127.0.0.1:{self._port}"

    def launch(self) -> None:
        """Start it without waiting."""
        jars = str(kafka_jars() / "*")
        properties = self._folder / "server.properties"
        if not properties.exists():
            self._format(jars, properties)
        command = ["java", "-Xms256m", "-Xmx512m", *_JVM, "-cp", jars, "kafka.Kafka", str(properties)]
        self._run(command)

    def wait(self) -> None:
        """Wait until it serves."""
        self._wait_until(lambda: answers(self._port))
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        self._wait_until(lambda: has_broker(admin))

    def _properties(self) -> str:
        """Its settings; of a line that is there twice the later one counts."""
        return _PROPERTIES.format(port=self._port, controller_port=self._controller_port, data=self._folder / "data")

    def _format(self, jars: str, properties: Path) -> None:
        """Give the empty data folder its cluster id, once."""
        draft = properties.with_suffix(".draft")
        draft.write_text(self._properties())
        # An id that begins with a hyphen would be taken for an option: the first bit is kept from that.
        random = uuid.uuid4().bytes
        cluster_id = base64.urlsafe_b64encode(bytes([random[0] & 0x7F]) + random[1:]).decode().rstrip("=")
        storage_tool = ["java", *_JVM, "-cp", jars, "kafka.tools.StorageTool"]
        command = [*storage_tool, "format", "-t", cluster_id, "-c", str(draft)]
        done = subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise StackError(f"Kafka's storage could not be formatted: {(done.stderr or done.stdout).strip()}")
        draft.rename(properties)


def has_broker(admin: AdminClient) -> bool:
    """Whether a broker is there to be worked with, which is later than that it takes connections."""
    try:
        return bool(admin.list_topics(timeout=1).brokers)
    except KafkaException:
        return False
