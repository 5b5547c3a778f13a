"""The local stack is real: it serves, keeps what it acknowledged, comes back after a kill, and goes with its parent."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psutil
import pytest
from confluent_kafka import Consumer, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from pymongo import MongoClient, WriteConcern

from devstack import LocalKafka, LocalMongo, Stack
from devstack.packages import why_no_kafka
from tests.support.skipping import not_run

READY_SECONDS = 60


@pytest.fixture(scope="module")
def local_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalKafka]:
    if lack := why_no_kafka():
        not_run(lack)
    kafka = LocalKafka(tmp_path_factory.mktemp("kafka"))
    try:
        kafka.start()
        yield kafka
    finally:
        kafka.kill()


@pytest.fixture(scope="module")
def local_mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalMongo]:
    mongo = LocalMongo(tmp_path_factory.mktemp("mongo"))
    try:
        mongo.start()
        yield mongo
    finally:
        mongo.kill()


def create_topic(bootstrap: str) -> str:
    topic = f"stack-{uuid4().hex[:8]}"
    admin = AdminClient({"bootstrap.servers": bootstrap})  # the future below lives no longer than this
    admin.create_topics([NewTopic(topic, 1, 1)])[topic].result(30)
    return topic


def publish(bootstrap: str, topic: str, value: str) -> None:
    failures: list[object] = []
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "log_level": 0})
    producer.produce(topic, value, on_delivery=lambda error, _: failures.append(error) if error else None)
    assert producer.flush(30) == 0
    assert not failures


def read_one(bootstrap: str, topic: str) -> str:
    group = {"group.id": uuid4().hex, "auto.offset.reset": "earliest", "log_level": 0}
    consumer = Consumer({"bootstrap.servers": bootstrap, **group})
    consumer.subscribe([topic])
    end = time.monotonic() + READY_SECONDS
    try:
        while time.monotonic() < end:
            message = consumer.poll(1)
            if message is not None and message.error() is None:
                value = message.value()
                assert value is not None
                return value.decode()
    finally:
        consumer.close()
    raise AssertionError("no record came")


def write(client: MongoClient[dict[str, Any]], value: str) -> None:
    durable = WriteConcern("majority", j=True)
    client["stack"].get_collection("kept", write_concern=durable).insert_one({"_id": value})


@pytest.mark.durable
def test_a_record_goes_through_kafka(stack: Stack) -> None:
    topic = create_topic(stack.kafka_bootstrap)
    publish(stack.kafka_bootstrap, topic, "hello")
    assert read_one(stack.kafka_bootstrap, topic) == "hello"


def test_mongodb_takes_durable_writes_and_transactions(mongo_url: str) -> None:
    value = uuid4().hex
    with MongoClient[dict[str, Any]](mongo_url) as client:
        with client.start_session() as session, session.start_transaction():
            client["stack"]["kept"].insert_one({"_id": f"{value}-in-transaction"}, session=session)
        write(client, value)
        assert client["stack"]["kept"].count_documents({"_id": {"$regex": value}}) == 2


def test_kafka_comes_back_after_a_kill_with_what_it_acknowledged(local_kafka: LocalKafka) -> None:
    topic = create_topic(local_kafka.bootstrap)
    publish(local_kafka.bootstrap, topic, "kept")
    before = local_kafka.pid
    os.kill(before, signal.SIGKILL)
    local_kafka.kill()
    local_kafka.start()
    assert local_kafka.pid != before
    assert read_one(local_kafka.bootstrap, topic) == "kept"


def test_kafka_makes_no_topic_that_nobody_created(local_kafka: LocalKafka) -> None:
    admin = AdminClient({"bootstrap.servers": local_kafka.bootstrap})
    assert admin.list_topics("never-created", timeout=10).topics["never-created"].error is not None


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_mongodb_comes_back_with_what_it_acknowledged(local_mongo: LocalMongo, end: str) -> None:
    with MongoClient[dict[str, Any]](local_mongo.url) as client:
        write(client, f"kept-by-{end}")
        getattr(local_mongo, end)()
        local_mongo.start()
        assert client["stack"]["kept"].find_one({"_id": f"kept-by-{end}"}) is not None


def test_both_servers_are_gone_once_their_parent_was_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "devstack", "run"]
    # Child processes are what this is about: no Docker daemon may be found.
    local = {**os.environ, "DOCKER_HOST": f"unix://{tmp_path}/nobody.sock"}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=local) as parent:
        try:
            assert parent.stdout is not None
            assert [parent.stdout.readline().split("=")[0] for _ in range(2)] == [
                "export ROLLCALL_KAFKA_BOOTSTRAP",
                "export ROLLCALL_MONGO_URL",
            ]
            children = psutil.Process(parent.pid).children(recursive=True)
            assert "mongod" in {child.name() for child in children}
        finally:
            parent.kill()
    _, alive = psutil.wait_procs(children, timeout=20)
    assert alive == []


def test_a_stack_in_the_foreground_ends_in_order_when_it_is_interrupted(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "devstack", "run"]
    environment = {**os.environ, "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as parent:
        assert parent.stdout is not None
        parent.stdout.readline()
        with contextlib.suppress(ProcessLookupError):
            parent.send_signal(signal.SIGINT)
        _, said = parent.communicate(timeout=READY_SECONDS)
    assert parent.returncode == 0
    assert "Traceback" not in said
    assert [entry for entry in tmp_path.iterdir() if entry.is_dir()] == []
