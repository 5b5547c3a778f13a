"""Handing an order to Kafka, and what the caller is told where that fails."""

from collections.abc import Iterator
from contextlib import contextmanager

import structlog

from core.request_parts import intake_topic
from producer.bulk.prepare_request import PreparedRequest
from producer.dependencies import Dependencies
from producer.errors import UnavailableError
from producer.kafka.publisher import PublishError

_log = structlog.get_logger()


@contextmanager
def before_handover() -> Iterator[None]:
    """What must be there before anything is published: where it is away, the caller is told that nothing was sent."""
    try:
        yield
    except UnavailableError as error:
        raise UnavailableError(f"{error.message}; nothing was sent by this call") from None


async def hand_over(deps: Dependencies, order: PreparedRequest) -> None:
    """Publish all parts; raises UnavailableError, which says whether some may still be sent."""
    try:
        await deps.publisher.publish(intake_topic(deps.settings.topics, order.lane), order.parts)
    except PublishError as error:
        if error.handed_over:
            raise UnavailableError(
                "Kafka did not acknowledge in time; the request may still be sent. "
                f"Repeat it with `Idempotency-Key: {order.request_id}` so that nobody is sent to twice"
            ) from None
        raise UnavailableError("Kafka is away; nothing was sent") from None
    deps.metrics.recipients.labels(order.head.channel, order.lane).inc(order.total)
    _log.info(
        "accepted",
        request_id=order.request_id,
        tenant_id=order.tenant_id,
        channel=order.head.channel,
        lane=order.lane,
        recipients=order.total,
        parts=len(order.parts),
    )
