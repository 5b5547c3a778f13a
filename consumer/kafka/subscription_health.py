"""Health of the subscriptions. A consume loop may end, or fail again and again, without an error.

FastStream's loop swallows Kafka's errors and tries again for ever. aiokafka shows the state of a member in private
attributes only. tests/contract/kafka/test_subscription_health.py checks these attributes against a real Kafka.
"""

from typing import Any

from faststream.kafka import KafkaBroker

MAX_POLL_SILENCE_SECONDS = 30.0
"""Time in seconds without an answer for a partition after which it has a problem. Kafka answers twice a second."""


def subscription_problems(broker: KafkaBroker, now: float) -> dict[str, str | None]:
    """Return the problem of each subscription by topic, or None. During a rebalance a problem passes by itself.

    `now` is in seconds since the epoch.
    """
    subscribers: list[Any] = broker.subscribers  # the common type has neither consumers nor tasks
    return {",".join(subscriber.topic_names): _problem(subscriber, now) for subscriber in subscribers}


def _problem(subscriber: Any, now: float) -> str | None:
    consumer = subscriber.consumer
    if consumer is None or all(task.done() for task in subscriber.tasks):
        return "the consume loop has ended"
    coordinator = consumer._coordinator  # noqa: SLF001  # aiokafka has no public way to ask
    if coordinator._coordination_task.done():  # noqa: SLF001
        return "the group coordination task has ended"
    if coordinator.generation < 0:
        return "the consumer is not a member of its group"
    if consumer._fetcher is None or consumer._fetcher.error_future.done():  # noqa: SLF001
        return "the fetch task has ended"
    if problem := consumer.read_problem(now):
        return str(problem)
    return _silent_partitions(consumer, now)


def _silent_partitions(consumer: Any, now: float) -> str | None:
    """Return the problem of partitions without an answer of Kafka. One with records in memory is not asked for more."""
    waiting = consumer._fetcher._records  # noqa: SLF001
    silent = sorted(
        partition.partition
        for partition in consumer.assignment()
        if partition not in waiting
        and now - (consumer.last_poll_timestamp(partition) or 0) / 1000 > MAX_POLL_SILENCE_SECONDS
    )
    return f"Kafka has not answered for partitions {', '.join(map(str, silent))}" if silent else None
