"""Publishing of a prepared request to Kafka, and the errors that the caller gets if it fails."""

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
def note_that_nothing_was_sent() -> Iterator[None]:
    """Add to an UnavailableError of this block, which runs before publishing, that nothing was sent."""
    try:
        yield
    except UnavailableError as error:
        raise UnavailableError(f"{error.message.removesuffix('.')}. Nothing was sent by this call.") from None


async def publish_request(deps: Dependencies, prepared: PreparedRequest) -> None:
    """Publish all parts. Raises UnavailableError, whose message says whether some may still be sent."""
    try:
        await deps.publisher.publish(intake_topic(deps.settings.topics, prepared.lane), prepared.parts)
    except PublishError as error:
        if error.may_be_published:
            raise UnavailableError(
                "Kafka did not acknowledge in time. The request may still be sent. "
                f"Repeat it with `Idempotency-Key: {prepared.request_id}` so that no recipient gets it twice."
            ) from None
        raise UnavailableError("Kafka is not available. Nothing was sent.") from None
    deps.metrics.recipients.labels(prepared.head.channel, prepared.lane).inc(prepared.total)
    _log.info(
        "request accepted",
        request_id=prepared.request_id,
        tenant_id=prepared.tenant_id,
        channel=prepared.head.channel,
        lane=prepared.lane,
        recipients=prepared.total,
        parts=len(prepared.parts),
    )
