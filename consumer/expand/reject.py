"""Rejection of a record: a sealed dead letter, and an event for the caller."""

from consumer.context import ConsumerContext
from consumer.events import RejectedRecord, rejected_event
from consumer.expand.accepted_at import accepted_at
from consumer.kafka.bus import DeadLetter, TooLargeForTopic
from consumer.kafka.record import KafkaRecord
from consumer.logger import logger
from consumer.publish_results import publish_to_default_topic
from ledger.dead_letter_format import MAX_CONTENT_BYTES, RejectedRequest, seal_record

_MAX_KEY_BYTES = 16 * 1024
_MIN_CONTENT_BYTES = 64 * 1024
"""Size in bytes to which a dead letter is shortened at most. A topic that refuses it refuses every dead letter."""


async def reject_record(record: KafkaRecord, rejection: RejectedRecord, context: ConsumerContext) -> None:
    """Publish the dead letter. If the record has a request id, publish `request.rejected` on the default topic.

    Raise CircuitOpen, and publish nothing, if too many records of the topic are garbage.
    """
    if rejection.is_garbage:
        context.circuit_breaker.record_garbage(record.topic, record.origin, rejection.tenant_id)
    await context.retry_until_available("publish dead letter", _publish_dead_letter, record, rejection, context)
    if request_id := rejection.request_id:
        origin = record.origin.replace("/", ".")
        event = rejected_event(rejection, origin, accepted_at(record, None, context.ledger.now()))
        await publish_to_default_topic(request_id, [event], context, "publish request.rejected")
    context.metrics.requests.labels(f"rejected:{rejection.reason.value}").inc()
    logger.warning("record rejected", origin=record.origin, reason=rejection.reason.value, fields=rejection.fields)


async def _publish_dead_letter(record: KafkaRecord, rejection: RejectedRecord, context: ConsumerContext) -> None:
    """Publish the dead letter. If the topic takes smaller ones only, shorten the record, because no repeat helps."""
    key = record.key if len(record.key or b"") <= _MAX_KEY_BYTES else None
    request = RejectedRequest(rejection.tenant_id, rejection.request_id, rejection.fields)
    max_bytes = MAX_CONTENT_BYTES
    while True:
        sealed = seal_record(context.sealer, record, max_bytes)
        try:
            await context.bus.publish_dead_letter(
                DeadLetter(key, sealed, record.origin, rejection.reason.value, request)
            )
        except TooLargeForTopic:
            max_bytes = min(len(sealed), max_bytes) // 2
            if max_bytes < _MIN_CONTENT_BYTES:
                raise
        else:
            break
    if max_bytes < MAX_CONTENT_BYTES:
        logger.error("dead letter shortened", origin=record.origin, max_bytes=max_bytes)
