"""Kafka and MongoDB in containers, when a Docker daemon answers: the images that docker-compose.yml names.

However broken the daemon is, the wait ends: each step below has its own bound, and a StackError says which was reached.
"""

import contextlib
import functools
import gc
import os
import queue
import sys
import threading
import time
import warnings
from collections.abc import Callable, Iterator

from confluent_kafka.admin import AdminClient
from testcontainers.core.config import testcontainers_config
from testcontainers.core.container import DockerContainer
from testcontainers.core.docker_client import DockerClient

from devstack.errors import StackError
from devstack.kafka import has_broker
from devstack.mongo import REPLICA_SET, direct_client, is_primary
from devstack.processes import free_port

KAFKA_IMAGE = "apache/kafka:4.1.1"
MONGO_IMAGE = "mongo:6.0"
_ANSWER_SECONDS = 5
_START_SECONDS = 30
_READY_SECONDS = 60
_PULL_SECONDS = 120
_SILENCE_SECONDS = 15  # a registry that cannot be reached says nothing; one that sends is heard all the time

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
        with contextlib.closing(DockerClient(timeout=_ANSWER_SECONDS).client) as client:
            client.ping()
    except Exception as error:  # noqa: BLE001 - whatever it is, it is said and the next route is taken
        said = str(error)
        if "FileNotFoundError" in said or "Connection refused" in said:
            return "no Docker daemon answers"
        return f"Docker is found but not usable: {_first_line(error)}"
    return None


def fetch_image(image: str, *, silence_seconds: float = _SILENCE_SECONDS) -> None:
    """Have the image on the daemon's machine, and that of testcontainers' reaper; StackError when it cannot be had."""
    prefix = testcontainers_config.hub_image_name_prefix
    reaper = [] if testcontainers_config.ryuk_disabled else [testcontainers_config.ryuk_image]
    for name in (*reaper, image):
        if lack := _why_no_image(prefix + name, os.environ.get("DOCKER_HOST"), silence_seconds):
            raise StackError(lack, f"docker pull {prefix + name}")


@functools.cache
def _why_no_image(image: str, _daemon: str | None, silence_seconds: float) -> str | None:
    """None once the image is there; asked once, so that a registry that does not answer delays only the first start."""
    try:
        with contextlib.closing(DockerClient(timeout=_START_SECONDS).client) as client:
            if not client.images.list(name=image):
                _pull(image, silence_seconds)
    except StackError as error:
        return error.what
    except Exception as error:  # noqa: BLE001 - as above
        return f"{image} cannot be had: {_first_line(error)}"
    return None


def _pull(image: str, silence_seconds: float) -> None:
    """Pull within the two bounds. Docker's client sets none for this, so that it is listened to from beside it."""
    sys.stderr.write(f"stack: pulling {image}, the first time only\n")
    heard: queue.SimpleQueue[Exception | bool] = queue.SimpleQueue()

    def listen() -> None:
        try:
            with contextlib.closing(DockerClient().client) as client:
                for step in client.api.pull(image, stream=True, decode=True):
                    heard.put(StackError(f"{image} cannot be pulled: {step['error']}") if "error" in step else False)
            heard.put(True)
        except Exception as error:  # noqa: BLE001 - it is raised where it is waited for
            heard.put(error)

    threading.Thread(target=listen, daemon=True, name=f"pull {image}").start()
    end = time.monotonic() + _PULL_SECONDS
    done: Exception | bool = False
    while not done:
        if time.monotonic() > end:
            raise StackError(f"{image} is not here after {_PULL_SECONDS} s of pulling")
        try:
            done = heard.get(timeout=silence_seconds)
        except queue.Empty:
            raise StackError(f"{image} cannot be pulled: nothing came for {silence_seconds} s") from None
    if isinstance(done, Exception):
        raise done


@contextlib.contextmanager
def kafka_container() -> Iterator[str]:
    """Kafka's address for clients of this machine; StackError when the container does not get ready."""
    with _container("Kafka", KAFKA_IMAGE, 9092) as (container, address):
        # Kafka must know before it starts the address that clients will use, so the port is chosen beforehand.
        container.with_envs(**_KAFKA_ENVIRONMENT, KAFKA_ADVERTISED_LISTENERS=f"PLAINTEXT://{address}")
        _start("Kafka", container)
        admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
        _wait("Kafka", container, lambda: has_broker(admin))
        yield address


@contextlib.contextmanager
def mongo_container() -> Iterator[str]:
    """MongoDB's connection string for clients of this machine; StackError when the container does not get ready."""
    with _container("MongoDB", MONGO_IMAGE, 27017) as (container, address):
        container.with_command(f"--replSet {REPLICA_SET} --bind_ip_all --wiredTigerCacheSizeGB 1")
        _start("MongoDB", container)
        with direct_client(f"mongodb://{address}") as client:
            # The set's member name is the container's own view, so clients outside must not look members up by it.
            _wait("MongoDB", container, lambda: is_primary(client, "localhost:27017"))
        yield f"mongodb://{address}/?directConnection=true"


@contextlib.contextmanager
def _container(name: str, image: str, inside: int) -> Iterator[tuple[DockerContainer, str]]:
    """A container to be started, and host:port where its port `inside` will be; it is removed at the end.

    testcontainers' own reaper removes it should this process be killed.
    """
    fetch_image(image)
    port = free_port()
    try:
        container = DockerContainer(image, docker_client_kw={"timeout": _START_SECONDS})
        host = container.get_docker_client().host()
    except Exception as error:
        raise StackError(f"{name}'s container does not start: {_first_line(error)}") from error
    if host == "localhost":
        # Neither asks for a password: nobody else on the network is to reach them. localhost might be ::1 to clients.
        # testcontainers declares the port alone, and hands on to Docker what it finds.
        host = "127.0.0.1"
        container.ports[f"{inside}/tcp"] = (host, port)  # type: ignore[assignment]
    else:
        container.with_bind_ports(inside, port)
    try:
        yield container, f"{host}:{port}"
    finally:
        container.stop()


def _start(name: str, container: DockerContainer) -> None:
    try:
        container.start()
    except Exception as error:
        raise StackError(f"{name}'s container does not start: {_first_line(error)}") from error


def _wait(name: str, container: DockerContainer, probe: Callable[[], bool]) -> None:
    """Wait until it serves; one that ended is not waited for."""
    end = time.monotonic() + _READY_SECONDS
    inner = container.get_wrapped_container()
    while not probe():
        inner.reload()
        if inner.status not in {"created", "running"}:
            raise StackError(f"{name}'s container ended: {_last_line(inner.logs(tail=5))}")
        if time.monotonic() > end:
            raise StackError(
                f"{name}'s container is not ready after {_READY_SECONDS} s: {_last_line(inner.logs(tail=5))}"
            )
        time.sleep(0.1)


def _first_line(error: Exception) -> str:
    """What the daemon itself said, where it said something."""
    said = str(getattr(error, "explanation", None) or error)
    return (said.splitlines() or [type(error).__name__])[0][:200]


def _last_line(log: bytes) -> str:
    return (log.decode(errors="replace").strip().splitlines() or ["it said nothing"])[-1][:200]
