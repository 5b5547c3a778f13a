"""The topics as they should be, compared with those that Kafka has, and created where they are missing."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import IncompatibleBrokerVersion, for_code

from cli.clients.kafka_client import PATIENCE_SECONDS, with_timeout
from cli.errors import CommandError
from schemas.topics import TopicSpec

DEFAULT_PARTITIONS = 12
_MOST_REPLICAS = 3
_TOPIC_EXISTS = 36
_LOOKS, _LOOK_SECONDS = 50, 0.1
_COMPARED = ("retention.ms", "max.message.bytes", "min.insync.replicas", "cleanup.policy")


@dataclass(frozen=True, slots=True)
class TopicOptions:
    """What the options ask for; None: the default when a topic is created, and whatever stands is fine."""

    partitions: int | None = None
    replication_factor: int | None = None
    min_insync_replicas: int | None = None


@dataclass(frozen=True, slots=True)
class ExistingTopic:
    """A topic as Kafka has it."""

    partitions: int
    replication_factor: int
    configs: Mapping[str, str] = field(default_factory=dict)


async def existing_topics(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, ExistingTopic]:
    """Those of these topics that exist."""
    wanted = set(names)
    described = await with_timeout(PATIENCE_SECONDS, admin.describe_topics())
    found = {topic["topic"]: topic["partitions"] for topic in described if topic["topic"] in wanted}
    configs = await _configs(admin, found)
    return {
        name: ExistingTopic(len(parts), min((len(p["replicas"]) for p in parts), default=0), configs.get(name, {}))
        for name, parts in found.items()
    }


async def _configs(admin: AIOKafkaAdminClient, names: Iterable[str]) -> dict[str, dict[str, str]]:
    asked = [ConfigResource(ConfigResourceType.TOPIC, name, dict.fromkeys(_COMPARED, "")) for name in names]
    if not asked:
        return {}
    try:
        answers = await with_timeout(PATIENCE_SECONDS, admin.describe_configs(asked))
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
    """What of a cluster matters for new topics."""

    brokers: int
    creates_topics: bool
    """Whether it has a controller to ask; librdkafka's broker has none, and makes any topic whose name it hears."""


async def describe_cluster(admin: AIOKafkaAdminClient) -> Cluster:
    """How large the cluster is, and how it makes topics."""
    said: dict[str, Any] = await with_timeout(PATIENCE_SECONDS, admin.describe_cluster())
    nodes = {broker["node_id"] for broker in said["brokers"]}
    return Cluster(len(nodes), said["controller_id"] in nodes)


def differences(spec: TopicSpec, wanted: TopicOptions, standing: ExistingTopic) -> list[str]:
    """What about a topic is less than it must be; more than that is the operator's choice."""
    configs = standing.configs
    found = [
        _less("partitions", standing.partitions, wanted.partitions),
        _less("replication factor", standing.replication_factor, wanted.replication_factor),
        _less("retention.ms", _retention(configs), spec.retention_ms),
        _less("max.message.bytes", _number(configs, "max.message.bytes"), spec.max_message_bytes),
        _less("min.insync.replicas", _number(configs, "min.insync.replicas"), wanted.min_insync_replicas),
    ]
    if configs.get("cleanup.policy", "delete") != "delete":
        found.append(f"cleanup.policy is {configs['cleanup.policy']}, must be delete")
    return [line for line in found if line]


def _less(name: str, stands: float | None, least: int | None) -> str | None:
    if stands is None or least is None or stands >= least:
        return None
    return f"{name} is {stands:.0f}, must be at least {least}"


def _number(configs: Mapping[str, str], name: str) -> int | None:
    return int(configs[name]) if name in configs else None


def _retention(configs: Mapping[str, str]) -> float | None:
    """In ms; -1 keeps for ever."""
    kept = _number(configs, "retention.ms")
    return float("inf") if kept == -1 else kept


def new_topic(spec: TopicSpec, wanted: TopicOptions, brokers: int) -> NewTopic:
    """A topic to be created; unless told, with three replicas, two of which acknowledge, as far as brokers go."""
    replicas = wanted.replication_factor or min(_MOST_REPLICAS, brokers)
    in_sync = wanted.min_insync_replicas or max(1, replicas - 1)
    configs = {
        "cleanup.policy": "delete",
        "retention.ms": str(spec.retention_ms),
        "max.message.bytes": str(spec.max_message_bytes),
        "min.insync.replicas": str(in_sync),
    }
    return NewTopic(spec.name, wanted.partitions or DEFAULT_PARTITIONS, replicas, topic_configs=configs)


async def create(
    admin: AIOKafkaAdminClient,
    cluster: Cluster,
    specs: Sequence[TopicSpec],
    wanted: TopicOptions,
) -> None:
    """Create topics, and return once they are listed: a service that starts next would miss them.

    One that another created meanwhile is fine. Raises CommandError with Kafka's reason.
    """
    if not specs:
        return
    if not cluster.creates_topics:
        await with_timeout(PATIENCE_SECONDS, admin.describe_topics([spec.name for spec in specs]))
        return
    topics = [new_topic(spec, wanted, cluster.brokers) for spec in specs]
    answer = await with_timeout(PATIENCE_SECONDS, admin.create_topics(topics))
    for name, code, *rest in answer.topic_errors:
        if code not in {0, _TOPIC_EXISTS}:
            why = rest[0] if rest and rest[0] else for_code(code).__name__
            raise CommandError(f"{name}: Kafka refused to create it ({why})")
    names = {spec.name for spec in specs}
    for _ in range(_LOOKS):  # one that is never listed may be hidden by an ACL; whoever needs it will say so
        if names <= {topic["topic"] for topic in await with_timeout(PATIENCE_SECONDS, admin.describe_topics())}:
            return
        await asyncio.sleep(_LOOK_SECONDS)
