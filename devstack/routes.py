"""Ways to start a Kafka and a MongoDB, tried in order. Each names the way, and the reasons against earlier ones."""

import contextlib
import os
import socket
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

from pymongo import MongoClient
from pymongo.errors import PyMongoError

from devstack.containers import (
    KAFKA_IMAGE,
    MONGO_IMAGE,
    fetch_image,
    kafka_container,
    mongo_container,
    why_no_docker,
)
from devstack.errors import StackError
from devstack.inprocess import InProcessKafka
from devstack.kafka import LocalKafka
from devstack.mongo import LocalMongo
from devstack.packages import kafka_jars, mongod, why_no_kafka
from devstack.processes import Child
from devstack.scratch import scratch_folder

KAFKA_VARIABLE = "ROLLCALL_KAFKA_BOOTSTRAP"
MONGO_VARIABLE = "ROLLCALL_MONGO_URL"
GIVEN, DOCKER, LOCAL, IN_PROCESS = "given", "docker", "local", "in-process broker"
_GIVEN_SECONDS = 10


@dataclass(frozen=True)
class StackRoute:
    """Kafka or MongoDB, started but perhaps not serving yet."""

    kind: str
    address: str
    note: str
    wait: Callable[[], None] = lambda: None
    child: Child | None = None
    """Process of the server, if this process has started it."""


def choose_kafka(held: ExitStack, *, need_durable: bool = False) -> StackRoute:
    """Start the first Kafka that is available, and register its cleanup in `held`."""
    if address := os.environ.get(KAFKA_VARIABLE):
        note = f"Kafka at {address} (from {KAFKA_VARIABLE})"
        return StackRoute(GIVEN, address, note, partial(_await_given_kafka, address))
    container, no_docker = _container(held, kafka_container)
    if container:
        return StackRoute(DOCKER, container, f"Kafka in a container at {container}")
    lack = why_no_kafka() or _why_no_jars()
    if lack is None:
        kafka = LocalKafka(held.enter_context(scratch_folder()))
        held.callback(kafka.kill)  # its data is deleted too, so it need not shut down in order
        kafka.launch()
        note = f"Kafka as a process at {kafka.bootstrap} ({no_docker})"
        return StackRoute(LOCAL, kafka.bootstrap, note, kafka.wait, kafka.child)
    if need_durable:
        raise StackError(f"a Kafka that keeps its records is needed, but {no_docker} and {lack.what}", lack.fix)
    broker = InProcessKafka()
    held.callback(broker.close)
    note = f"librdkafka's in-process broker at {broker.bootstrap}, which keeps nothing ({no_docker}, {lack})"
    return StackRoute(IN_PROCESS, broker.bootstrap, note)


def choose_mongo(held: ExitStack) -> StackRoute:
    """Start the first MongoDB that is available, and register its cleanup in `held`."""
    if url := os.environ.get(MONGO_VARIABLE):
        # The address is not shown, because it may contain a password.
        return StackRoute(GIVEN, url, f"MongoDB from {MONGO_VARIABLE}", partial(_await_given_mongo, url))
    container, no_docker = _container(held, mongo_container)
    if container:
        return StackRoute(DOCKER, container, f"MongoDB in a container at {container}")
    mongo = LocalMongo(held.enter_context(scratch_folder()))
    held.callback(mongo.kill)
    mongo.launch()
    return StackRoute(LOCAL, mongo.url, f"MongoDB as a process at {mongo.url} ({no_docker})", mongo.wait, mongo.child)


def fetch() -> None:
    """Fetch the files that the next stack on this machine needs, if any."""
    needs_mongod, needs_kafka = (not os.environ.get(name) for name in (MONGO_VARIABLE, KAFKA_VARIABLE))
    no_docker = why_no_docker() is not None if needs_mongod or needs_kafka else False
    if needs_mongod and (no_docker or not _fetched(MONGO_IMAGE)):
        mongod()
    if needs_kafka and (no_docker or not _fetched(KAFKA_IMAGE)) and why_no_kafka() is None:
        kafka_jars()


def _fetched(image: str) -> bool:
    """Return whether Docker has the image now. The start of a stack reports the reason."""
    try:
        fetch_image(image)
    except StackError:
        return False
    return True


def _container(held: ExitStack, start: Callable[[], AbstractContextManager[str]]) -> tuple[str, str]:
    """Return the address of a container that serves, or an empty string and the reason."""
    if reason := why_no_docker():
        return "", reason
    try:
        return held.enter_context(start()), ""
    except StackError as error:
        return "", f"Docker is found but not usable: {error}"


def _why_no_jars() -> StackError | None:
    try:
        kafka_jars()
    except StackError as error:
        return error
    return None


def _await_given_kafka(address: str) -> None:
    host, _, port = address.split(",", maxsplit=1)[0].rpartition(":")
    try:
        with contextlib.closing(socket.create_connection((host, int(port)), timeout=_GIVEN_SECONDS)):
            return
    except (OSError, ValueError) as error:
        raise StackError(f"no Kafka answers at {address}", f"start it, or unset {KAFKA_VARIABLE}") from error


def _await_given_mongo(url: str) -> None:
    try:
        with MongoClient[dict[str, Any]](url, serverSelectionTimeoutMS=_GIVEN_SECONDS * 1000) as client:
            client.admin.command("ping")
    except PyMongoError:
        raise StackError(
            "no MongoDB answers at the address in the environment", f"start it, or unset {MONGO_VARIABLE}"
        ) from None
