"""`rollcall setup` on a real Kafka and a real MongoDB."""

from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from devstack import Stack
from devstack.inprocess import InProcessKafka
from tests.support.deployment import Deployment, a_deployment


@pytest.mark.durable
async def test_setup_may_be_repeated_and_check_agrees(stack: Stack, tmp_path: Path) -> None:
    with a_deployment(stack, tmp_path, setup=False) as deployment:
        before = deployment.rollcall("setup", "--check")
        assert before.exit_code == 1
        assert f"topic {deployment.topics.results}: not found" in before.stderr
        assert "MongoDB lacks the indexes" in before.stderr

        first = deployment.rollcall_process("setup", "--partitions", "3")
        assert (first.returncode, first.stderr) == (0, "")
        assert f"created  topic {deployment.topics.requests}: intake of large requests" in first.stdout
        assert "created  index chunks.due" in first.stdout

        second = deployment.rollcall("setup")
        assert (second.exit_code, second.stderr) == (0, "")
        assert {line.split()[0] for line in second.stdout.splitlines()} == {"exists"}
        assert deployment.rollcall("setup", "--check").exit_code == 0


@pytest.mark.durable
async def test_a_topic_gets_the_specified_retention_and_size(stack: Stack, tmp_path: Path) -> None:
    with a_deployment(stack, tmp_path) as deployment:
        spec = deployment.topics.specs()[-1]
        configs = await configs_of(deployment, spec.name)
        assert configs["retention.ms"] == str(spec.retention_ms)
        assert configs["max.message.bytes"] == str(spec.max_message_bytes)
        assert configs["min.insync.replicas"] == "1"


@pytest.mark.durable
async def test_differences_are_named_and_not_changed(stack: Stack, tmp_path: Path) -> None:
    with a_deployment(stack, tmp_path) as deployment:
        name = deployment.topics.chunks
        await alter(deployment, name, {"retention.ms": "1000"})
        for command in (["setup"], ["setup", "--check"]):
            done = deployment.rollcall(*command)
            assert done.exit_code == 1
            assert f"topic {name}: retention.ms is 1000, must be at least 86400000" in done.stderr
        assert (await configs_of(deployment, name))["retention.ms"] == "1000"


def test_a_broker_without_a_controller_creates_topics_by_their_names(mongo_url: str, tmp_path: Path) -> None:
    broker = InProcessKafka()
    stack = Stack(broker.bootstrap, mongo_url, "in-process broker", durable=False, note="")
    with a_deployment(stack, tmp_path, setup=False) as deployment:
        assert deployment.rollcall("setup").exit_code == 0
        assert deployment.rollcall("setup", "--check").exit_code == 0
    broker.close()


async def configs_of(deployment: Deployment, name: str) -> dict[str, str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.bootstrap)
    await admin.start()
    try:
        (answer,) = await admin.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
        return {entry[0]: entry[1] for *_, entries in answer.resources for entry in entries}
    finally:
        await admin.close()


async def alter(deployment: Deployment, name: str, configs: dict[str, str]) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=deployment.bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs)])
    finally:
        await admin.close()
