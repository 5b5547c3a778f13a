"""Kafka and MongoDB in containers, if a Docker daemon answers. The images are those of docker-compose.yml.

Each step below has its own time limit, so that a broken daemon cannot block it. A StackError names the limit that was
reached.
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
_SILENCE_SECONDS = 15  # an unreachable registry sends nothing, and a working one sends continuously

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
    """Return None if a Docker daemon answers, or else the reason. An unusable daemon and no daemon are told apart."""
    with warnings.catch_warnings():
        # Docker's client leaves its socket open if no daemon answers, so it is collected here.
        warnings.simplefilter("ignore", ResourceWarning)
        reason = _ping()
        gc.collect()
    return reason


def _ping() -> str | None:
    try:
        with contextlib.closing(DockerClient(timeout=_ANSWER_SECONDS).client) as client:
            client.ping()
    except Exception as error:  # noqa: BLE001 - any error is reported, and the next route is taken
        message = str(error)
        if "FileNotFoundError" in message or "Connection refused" in message:
            return "no Docker daemon answers"
        return f"Docker is found but not usable: {_first_line(error)}"
    return None


def fetch_image(image: str, *, silence_seconds: float = _SILENCE_SECONDS) -> None:
    """Pull the image and that of testcontainers' reaper, unless the daemon has them. Raise StackError on failure."""
    prefix = testcontainers_config.hub_image_name_prefix
    reaper = [] if testcontainers_config.ryuk_disabled else [testcontainers_config.ryuk_image]
    for name in (*reaper, image):
        if lack := _why_no_image(prefix + name, os.environ.get("DOCKER_HOST"), silence_seconds):
            raise StackError(lack, f"docker pull {prefix + name}")


@functools.cache
def _why_no_image(image: str, _daemon: str | None, silence_seconds: float) -> str | None:
    """Return None if the image is available, or else the reason.

    The result is cached, so that an unreachable registry delays only the first start.
    """
    try:
        with contextlib.closing(DockerClient(timeout=_START_SECONDS).client) as client:
            if not client.images.list(name=image):
                _pull(image, silence_seconds)
    except StackError as error:
        return error.what
    except Exception as error:  # noqa: BLE001 - as above
        return f"{image} is not available: {_first_line(error)}"
    return None


def _pull(image: str, silence_seconds: float) -> None:
    """Pull within the two time limits. Docker's client has none for this, so the pull runs in a thread."""
    sys.stderr.write(f"stack: pulling {image}, the first time only\n")
    steps: queue.SimpleQueue[Exception | bool] = queue.SimpleQueue()

    def listen() -> None:
        try:
            with contextlib.closing(DockerClient().client) as client:
                for step in client.api.pull(image, stream=True, decode=True):
                    steps.put(StackError(f"{image} cannot be pulled: {step['error']}") if "error" in step else False)
            steps.put(True)
        except Exception as error:  # noqa: BLE001 - the waiting thread raises it
            steps.put(error)

    threading.Thread(target=listen, daemon=True, name=f"pull {image}").start()
    end = time.monotonic() + _PULL_SECONDS
    done: Exception | bool = False
    while not done:
        if time.monotonic() > end:
            raise StackError(f"{image} was not pulled within {_PULL_SECONDS} s")
        try:
            done = steps.get(timeout=silence_seconds)
        except queue.Empty:
            raise StackError(f"{image} cannot be pulled: no data for {silence_seconds} s") from None
    if isinstance(done, Exception):
        raise done


@contextlib.contextmanager
def kafka_container() -> Iterator[str]:
    """Yield Kafka's address for clients on this machine. Raise StackError if the container does not get ready."""
    with _container("Kafka", KAFKA_IMAGE, 9092) as (container, address):
        # Kafka needs the address for clients before it starts, so the port is chosen beforehand.
        container.with_envs(**_KAFKA_ENVIRONMENT, KAFKA_ADVERTISED_LISTENERS=f"PLAINTEXT://{address}")
        _start("Kafka", container)
        admin = AdminClient({"bootstrap.servers": address, "log_level": 0})
        _wait("Kafka", container, lambda: has_broker(admin))
        yield address


@contextlib.contextmanager
def mongo_container() -> Iterator[str]:
    """Yield MongoDB's connection string for this machine. Raise StackError if the container does not get ready."""
    with _container("MongoDB", MONGO_IMAGE, 27017) as (container, address):
        container.with_command(f"--replSet {REPLICA_SET} --bind_ip_all --wiredTigerCacheSizeGB 1")
        _start("MongoDB", container)
        with direct_client(f"mongodb://{address}") as client:
            # The name of the member is valid only inside the container, so outside clients must not use it.
            _wait("MongoDB", container, lambda: is_primary(client, "localhost:27017"))
        yield f"mongodb://{address}/?directConnection=true"


@contextlib.contextmanager
def _container(name: str, image: str, inside: int) -> Iterator[tuple[DockerContainer, str]]:
    """Yield a container to start, and host:port for its port `inside`. Remove the container at the end.

    If this process is killed, testcontainers' reaper removes it.
    """
    fetch_image(image)
    port = free_port()
    try:
        container = DockerContainer(image, docker_client_kw={"timeout": _START_SECONDS})
        host = container.get_docker_client().host()
    except Exception as error:
        raise StackError(f"{name}'s container does not start: {_first_line(error)}") from error
    if host == "localhost":
        # Neither server asks for a password, so other machines must not reach them. localhost might be ::1 for clients.
        # testcontainers declares only the port, but passes any value on to Docker.
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
    """Wait until the container serves. Raise StackError if it ended or takes too long."""
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
    """Return the message of the daemon, or of the error."""
    message = str(getattr(error, "explanation", None) or error)
    return (message.splitlines() or [type(error).__name__])[0][:200]


def _last_line(log: bytes) -> str:
    return (log.decode(errors="replace").strip().splitlines() or ["no output"])[-1][:200]
