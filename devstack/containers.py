"""Kafka and MongoDB in containers, when a Docker daemon answers: the images that docker-compose.yml names."""

import contextlib
import gc
import time
import warnings
from collections.abc import Callable, Iterator

from confluent_kafka.admin import AdminClient
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from devstack.errors import StackError
from devstack.kafka import has_broker
from devstack.mongo import REPLICA_SET, direct_client, is_primary
from devstack.processes import free_port

KAFKA_IMAGE = "apache/kafka:4.1.1"
MONGO_IMAGE = "mongo:6.0"
_READY_SECONDS = 90

_KAFKA_ENVIRONMENT = {
    "KAFKA_NODE_ID": "1",
    "KAFKA_PROCESS_ROLES": "broker,controller",
    "KAFKA_CONTROLLER_LISTENER_NAMES": "CONTROLLER",
    "KAFKA_CONTROLLER_QUORUM_VOTERS": "1@localhost:9093",
    "KAFKA_LISTENERS": "PLAINTEXT://:9092,CONTROLLER://:9093",
    "KAFKA_LISTENER_SECURITY_PROTOCOL_MAP": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
    "KAFKA_AUTO_CREATE_TOPICS_ENABLE": "false",
    "KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
    "KAFKA_TRANSACTION_STATE_LOG_MIN_ISR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_REPLICATION_FACTOR": "1",
    "KAFKA_SHARE_COORDINATOR_STATE_TOPIC_MIN_ISR": "1",
    "KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS": "0",
}


def why_no_docker() -> str | None:
    """None when a Docker daemon answers, else why not; one that is found but not usable is told from none at all."""
    with warnings.catch_warnings():
        # Docker's client leaves its socket open when nobody answers, so it is collected here.
        warnings.simplefilter("ignore", ResourceWarning)
        reason = _ping()
        gc.collect()
    return reason


def _ping() -> str | None:
    try:
        with contextlib.closing(DockerClient().client) as client:
            client.ping()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said and the next route is taken
        said = str(error)
        if "FileNotFoundError" in said or "Connection refused" in said:
            return "no Docker daemon answers"
        return f"Docker is found but not usable: {_first_line(error)}"
    return None


@contextlib.contextmanager
def kafka_container() -> Iterator[str]:
    """Kafka's address for clients of this machine; StackError when the container does not get ready."""
    port = free_port()
    container = DockerContainer(KAFKA_IMAGE, env=dict(_KAFKA_ENVIRONMENT)).with_bind_ports(9092, port)
    # Kafka must know before it starts the address that clients will use, so the port is chosen beforehand.
    bootstrap = f"{_host(container)}:{port}"
    container.with_env("KAFKA_ADVERTISED_LISTENERS", f"PLAINTEXT://{bootstrap}")
    with _started("Kafka", container):
        admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        _wait("Kafka", lambda: has_broker(admin))
        yield bootstrap


@contextlib.contextmanager
def mongo_container() -> Iterator[str]:
    """MongoDB's connection string for clients of this machine; StackError when the container does not get ready."""
    port = free_port()
    command = f"--replSet {REPLICA_SET} --bind_ip_all --wiredTigerCacheSizeGB 1"
    container = DockerContainer(MONGO_IMAGE, command=command).with_bind_ports(27017, port)
    address = f"{_host(container)}:{port}"
    with _started("MongoDB", container):
        with direct_client(f"mongodb://{address}") as client:
            # The set's member name is the container's own view, so clients outside must not look members up by it.
            _wait("MongoDB", lambda: is_primary(client, "localhost:27017"))
        yield f"mongodb://{address}/?directConnection=true"


def _host(container: DockerContainer) -> str:
    return container.get_docker_client().host()


@contextlib.contextmanager
def _started(name: str, container: DockerContainer) -> Iterator[None]:
    """Run the container; testcontainers' own reaper removes it should this process be killed."""
    try:
        container.start()
    except Exception as error:
        container.stop()
        raise StackError(f"{name}'s container does not start: {_first_line(error)}") from error
    try:
        yield
    finally:
        container.stop()


def _wait(name: str, probe: Callable[[], bool]) -> None:
    end = time.monotonic() + _READY_SECONDS
    while not probe():
        if time.monotonic() > end:
            raise StackError(f"{name}'s container is not ready after {_READY_SECONDS} s", "docker ps; docker logs …")
        time.sleep(0.1)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
