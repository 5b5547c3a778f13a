from cli.admin.create_topics import ExistingTopic, TopicOptions, differences, new_topic
from schemas.topic_definitions import Topics

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


def test_a_topic_created_by_setup_has_no_differences() -> None:
    assert lacks(TopicOptions(12, 3, 2)) == []


def test_higher_values_are_the_operators_choice() -> None:
    assert lacks(TopicOptions(6, 1, 1), retention_ms="-1", max_message_bytes="99999999") == []


def test_partitions_and_replicas_are_checked_only_if_options_name_them() -> None:
    assert lacks(partitions=1, replicas=1, min_insync_replicas="1") == []
    assert lacks(TopicOptions(12, 3, 2), partitions=1, replicas=1, min_insync_replicas="1") == [
        "partitions is 1, must be at least 12",
        "replication factor is 1, must be at least 3",
        "min.insync.replicas is 1, must be at least 2",
    ]


def test_settings_that_would_lose_or_reject_records_are_named() -> None:
    assert lacks(retention_ms="1000", max_message_bytes="1000", cleanup_policy="compact") == [
        f"retention.ms is 1000, must be at least {SPEC.retention_ms}",
        f"max.message.bytes is 1000, must be at least {SPEC.max_message_bytes}",
        "cleanup.policy is compact, must be delete",
    ]


def test_a_broker_that_does_not_report_settings_has_no_differences() -> None:
    assert differences(SPEC, TopicOptions(), ExistingTopic(12, 1)) == []


def test_a_new_topic_has_three_replicas_or_as_many_as_there_are_brokers() -> None:
    made = [(t.replication_factor, t.topic_configs["min.insync.replicas"]) for t in map(_made, (1, 2, 3, 5))]
    assert made == [(1, "1"), (2, "1"), (3, "2"), (3, "2")]


def _made(brokers: int) -> object:
    return new_topic(SPEC, TopicOptions(), brokers)


def test_options_take_precedence_over_defaults() -> None:
    topic = new_topic(SPEC, TopicOptions(24, 2, 2), 5)
    assert (topic.num_partitions, topic.replication_factor) == (24, 2)
    assert topic.topic_configs == {
        "cleanup.policy": "delete",
        "retention.ms": str(SPEC.retention_ms),
        "max.message.bytes": str(SPEC.max_message_bytes),
        "min.insync.replicas": "2",
    }
