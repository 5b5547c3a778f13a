"""Comparison of the required topics with those in Kafka, and creation of the missing ones."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, for_code

from cli.clients.kafka_client import KAFKA_TIMEOUT_SECONDS, with_timeout
from cli.errors import CommandError
from schemas.topic_definitions import TopicSpec

DEFAULT_PARTITIONS = 12
"""Number of partitions of a new topic."""

_MAX_REPLICAS = 3
_TOPIC_EXISTS = 36
_LIST_ATTEMPTS, _LIST_PAUSE_SECONDS = 50, 0.1
_COMPARED = ("retention.ms", "max.message.bytes", "min.insync.replicas", "cleanup.policy")


@dataclass(frozen=True, slots=True)
class TopicOptions:
    """Options of `setup`. None means the default for a new topic, and no requirement for an existing one."""

    partitions: int | None = None
    replication_factor: int | None = None
    min_insync_replicas: int | None = None


@dataclass(frozen=True, slots=True)
class ExistingTopic:
    """Size and settings of a topic in Kafka."""

    partitions: int
    replication_factor: int
    configs: Mapping[str, str] = field(default_factory=dict)


async def existing_topics(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, ExistingTopic]:
    """Return those of the named topics that exist."""
    known_names = set(names)
    described = await with_timeout(KAFKA_TIMEOUT_SECONDS, admin.describe_topics())
    partitions = {topic["topic"]: topic["partitions"] for topic in described if topic["topic"] in known_names}
    configs = await _topic_configs(admin, partitions)
    return {
        name: ExistingTopic(len(parts), min((len(p["replicas"]) for p in parts), default=0), configs.get(name, {}))
        for name, parts in partitions.items()
    }


async def _topic_configs(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    resources = [ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(_COMPARED, "")) for name in names]
    if not resources:
        return {}
    try:
        answers = await with_timeout(KAFKA_TIMEOUT_SECONDS, admin.describe_configs(resources))
    except IncompatibleBrokerVersion:
        return {}
    configs: dict[str, dict[str, str]] = {}
    for answer in answers:
        for code, _message, _kind, name, entries in answer.resources:
            if code:
                raise for_code(code)
            configs[name] = {entry[0]: entry[1] for entry in entries}
    return configs


@dataclass(frozen=True, slots=True)
class Cluster:
    """Facts about a cluster that matter for new topics."""

    brokers: int
    creates_topics: bool
    """True if the cluster has a controller that creates topics.

    The mock broker of librdkafka has no controller. It creates every topic that a client names.
    """


async def describe_cluster(admin: AIOKafkaAdminClient) -> Cluster:
    """Return the size of the cluster, and whether it creates topics on request."""
    description: dict[str, Any] = await with_timeout(KAFKA_TIMEOUT_SECONDS, admin.describe_cluster())
    nodes = {broker["node_id"] for broker in description["brokers"]}
    return Cluster(len(nodes), description["controller_id"] in nodes)


def differences(spec: TopicSpec, options: TopicOptions, existing: ExistingTopic) -> list[str]:
    """Return what about a topic is below its requirement. Higher values are the operator's choice."""
    configs = existing.configs
    problems = [
        _problem_below("partitions", existing.partitions, options.partitions),
        _problem_below("replication factor", existing.replication_factor, options.replication_factor),
        _problem_below("retention.ms", _retention_ms(configs), spec.retention_ms),
        _problem_below("max.message.bytes", _integer_config(configs, "max.message.bytes"), spec.max_message_bytes),
        _problem_below(
            "min.insync.replicas", _integer_config(configs, "min.insync.replicas"), options.min_insync_replicas
        ),
    ]
    if configs.get("cleanup.policy", "delete") != "delete":
        problems.append(f"cleanup.policy is {configs['cleanup.policy']}, must be delete")
    return [line for line in problems if line]


def _problem_below(name: str, actual: float | None, minimum: int | None) -> str | None:
    if actual is None or minimum is None or actual >= minimum:
        return None
    return f"{name} is {actual:.0f}, must be at least {minimum}"


def _integer_config(configs: Mapping[str, str], name: str) -> int | None:
    return int(configs[name]) if name in configs else None


def _retention_ms(configs: Mapping[str, str]) -> float | None:
    """Return the retention period in milliseconds. Kafka writes "for ever" as -1."""
    milliseconds = _integer_config(configs, "retention.ms")
    return float("inf") if milliseconds == -1 else milliseconds


def new_topic(spec: TopicSpec, options: TopicOptions, brokers: int) -> NewTopic:
    """Return a topic to create.

    The default is three replicas, or as many as there are brokers. All but one of them must acknowledge a write.
    """
    replicas = options.replication_factor or min(_MAX_REPLICAS, brokers)
    in_sync = options.min_insync_replicas or max(1, replicas - 1)
    configs = {
        "cleanup.policy": "delete",
        "retention.ms": str(spec.retention_ms),
        "max.message.bytes": str(spec.max_message_bytes),
        "min.insync.replicas": str(in_sync),
    }
    return NewTopic(spec.name, options.partitions or DEFAULT_PARTITIONS, replicas, topic_configs=configs)


async def create_topics(
    admin: AIOKafkaAdminClient,
    cluster: Cluster,
    specs: Sequence[TopicSpec],
    options: TopicOptions,
) -> None:
    """Create topics and wait until Kafka lists them, because a service that starts next needs to see them.

    A topic that another process created in the meantime is accepted. Raises CommandError with Kafka's reason.
    """
    if not specs:
        return
    if not cluster.creates_topics:
        await with_timeout(KAFKA_TIMEOUT_SECONDS, admin.describe_topics([spec.name for spec in specs]))
        return
    topics = [new_topic(spec, options, cluster.brokers) for spec in specs]
    answer = await with_timeout(KAFKA_TIMEOUT_SECONDS, admin.create_topics(topics))
    for name, code, *rest in answer.topic_errors:
        if code not in {0, _TOPIC_EXISTS}:
            reason = rest[0] if rest and rest[0] else for_code(code).__name__
            raise CommandError(f"{name}: Kafka refused to create the topic ({reason}).")
    names = {spec.name for spec in specs}
    # An ACL may hide a topic from this user, so an unlisted topic is no error here. The services report it.
    for _ in range(_LIST_ATTEMPTS):
        if names <= {topic["topic"] for topic in await with_timeout(KAFKA_TIMEOUT_SECONDS, admin.describe_topics())}:
            return
        await asyncio.sleep(_LIST_PAUSE_SECONDS)
