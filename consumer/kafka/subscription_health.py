"""Whether the subscriptions hear anything: a consume loop may end, or fail again and again, and look alive.

FastStream's loop swallows Kafka's errors and tries again for ever, and aiokafka tells of a member's state only in
attributes of its own: tests/contract/kafka/test_subscription_health.py holds them to a real Kafka.
"""

from typing import Any

from faststream.kafka import KafkaBroker

from consumer.monitoring.readiness import ReadinessTracker

MAX_POLL_SILENCE_SECONDS = 30.0
"""An idle consumer asks for records twice a second."""


def subscription_problems(broker: KafkaBroker, progress: ReadinessTracker, now: float) -> dict[str, str | None]:
    """What ails each subscription, by topic; a trouble may be over in a moment, as while a group is rebalanced.

    `now` is in seconds since the epoch.
    """
    subscribers: list[Any] = broker.subscribers  # the common type knows neither their consumers nor their tasks
    return {",".join(subscriber.topic_names): _problem(subscriber, progress, now) for subscriber in subscribers}


def _problem(subscriber: Any, progress: ReadinessTracker, now: float) -> str | None:
    consumer = subscriber.consumer
    if consumer is None or all(task.done() for task in subscriber.tasks):
        return "its loop has ended"
    coordinator = consumer._coordinator  # noqa: SLF001  # no other way to ask
    if coordinator._coordination_task.done():  # noqa: SLF001
        return "its membership of the group has ended"
    if coordinator.generation < 0:
        return "it is no member of its group"
    polled = [consumer.last_poll_timestamp(partition) or 0 for partition in consumer.assignment()]
    idle = not any(progress.is_busy(topic) for topic in subscriber.topic_names)
    if polled and idle and now - max(polled) / 1000 > MAX_POLL_SILENCE_SECONDS:
        return "it asks for no records"
    return None
