from cli.admin.create_topics import ExistingTopic, TopicOptions, differences, new_topic
from schemas.topics import Topics

SPEC = Topics("t").specs()[0]
CONFIGS = {
    "retention.ms": str(SPEC.retention_ms),
    "max.message.bytes": str(SPEC.max_message_bytes),
    "min.insync.replicas": "2",
    "cleanup.policy": "delete",
}


def lacks(wanted: TopicOptions | None = None, *, partitions: int = 12, replicas: int = 3, **configs: str) -> list[str]:
    changed = {name.replace("_", "."): value for name, value in configs.items()}
    return differences(SPEC, wanted or TopicOptions(), ExistingTopic(partitions, replicas, CONFIGS | changed))


def test_a_topic_as_setup_creates_it_lacks_nothing() -> None:
    assert lacks(TopicOptions(12, 3, 2)) == []


def test_more_than_is_needed_is_the_operators_choice() -> None:
    assert lacks(TopicOptions(6, 1, 1), retention_ms="-1", max_message_bytes="99999999") == []


def test_partitions_and_copies_matter_only_when_they_are_asked_for() -> None:
    assert lacks(partitions=1, replicas=1, min_insync_replicas="1") == []
    assert lacks(TopicOptions(12, 3, 2), partitions=1, replicas=1, min_insync_replicas="1") == [
        "partitions is 1, must be at least 12",
        "replication factor is 1, must be at least 3",
        "min.insync.replicas is 1, must be at least 2",
    ]


def test_what_would_lose_or_refuse_records_is_named() -> None:
    assert lacks(retention_ms="1000", max_message_bytes="1000", cleanup_policy="compact") == [
        f"retention.ms is 1000, must be at least {SPEC.retention_ms}",
        f"max.message.bytes is 1000, must be at least {SPEC.max_message_bytes}",
        "cleanup.policy is compact, must be delete",
    ]


def test_a_broker_that_tells_no_settings_is_believed() -> None:
    assert differences(SPEC, TopicOptions(), ExistingTopic(12, 1)) == []


def test_a_new_topic_has_three_copies_as_far_as_brokers_go() -> None:
    made = [(t.replication_factor, t.topic_configs["min.insync.replicas"]) for t in map(_made, (1, 2, 3, 5))]
    assert made == [(1, "1"), (2, "1"), (3, "2"), (3, "2")]


def _made(brokers: int) -> object:
    return new_topic(SPEC, TopicOptions(), brokers)


def test_options_decide_over_defaults() -> None:
    topic = new_topic(SPEC, TopicOptions(24, 2, 2), 5)
    assert (topic.num_partitions, topic.replication_factor) == (24, 2)
    assert topic.topic_configs == {
        "cleanup.policy": "delete",
        "retention.ms": str(SPEC.retention_ms),
        "max.message.bytes": str(SPEC.max_message_bytes),
        "min.insync.replicas": "2",
    }
