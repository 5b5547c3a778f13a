"""Health of the subscriptions. A consume loop may end, or fail again and again, without an error.

FastStream's loop swallows Kafka's errors and tries again for ever. aiokafka shows the state of a member in private
attributes only. tests/contract/kafka/test_subscription_health.py checks these attributes against a real Kafka.
"""

from typing import Any

from faststream.kafka import KafkaBroker

from consumer.monitoring.readiness import ReadinessTracker

MAX_POLL_SILENCE_SECONDS = 30.0
"""Time in seconds without a poll after which an idle consumer has a problem. A healthy one polls twice a second."""


def subscription_problems(broker: KafkaBroker, readiness: ReadinessTracker, now: float) -> dict[str, str | None]:
    """Return the problem of each subscription by topic, or None. During a rebalance a problem passes by itself.

    `now` is in seconds since the epoch.
    """
    subscribers: list[Any] = broker.subscribers  # the common type has neither consumers nor tasks
    return {",".join(subscriber.topic_names): _problem(subscriber, readiness, now) for subscriber in subscribers}


def _problem(subscriber: Any, readiness: ReadinessTracker, now: float) -> str | None:
    consumer = subscriber.consumer
    if consumer is None or all(task.done() for task in subscriber.tasks):
        return "the consume loop has ended"
    coordinator = consumer._coordinator  # noqa: SLF001  # aiokafka has no public way to ask
    if coordinator._coordination_task.done():  # noqa: SLF001
        return "the group coordination task has ended"
    if coordinator.generation < 0:
        return "the consumer is not a member of its group"
    polled = [consumer.last_poll_timestamp(partition) or 0 for partition in consumer.assignment()]
    idle = not any(readiness.is_busy(topic) for topic in subscriber.topic_names)
    if polled and idle and now - max(polled) / 1000 > MAX_POLL_SILENCE_SECONDS:
        return "the consumer does not poll for records"
    return None
