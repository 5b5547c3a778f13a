"""Dead letter of a record that cannot be used."""

from consumer.context import ConsumerContext
from consumer.kafka.bus import DeadLetter, TooLargeForTopic
from consumer.kafka.record import KafkaRecord
from consumer.logger import logger
from ledger.dead_letter_format import MAX_CONTENT_BYTES, UNKNOWN_REQUEST, RejectedRequest, seal_record
from schemas.statuses import RejectionReason

_MAX_KEY_BYTES = 16 * 1024
_MIN_CONTENT_BYTES = 64 * 1024
"""Size in bytes to which a dead letter is shortened at most. A topic that refuses it refuses every dead letter."""


async def publish_dead_letter(
    record: KafkaRecord, reason: RejectionReason, context: ConsumerContext, request: RejectedRequest = UNKNOWN_REQUEST
) -> None:
    """Publish a record, sealed. Its offset may be committed when this returns (I1)."""
    await context.retry_until_available("publish dead letter", _publish, record, reason, context, request)


async def _publish(
    record: KafkaRecord, reason: RejectionReason, context: ConsumerContext, request: RejectedRequest
) -> None:
    """Publish the dead letter. If the topic takes smaller ones only, shorten the record, because no repeat helps."""
    key = record.key if len(record.key or b"") <= _MAX_KEY_BYTES else None
    max_bytes = MAX_CONTENT_BYTES
    while True:
        sealed = seal_record(context.sealer, record, max_bytes)
        try:
            await context.bus.publish_dead_letter(DeadLetter(key, sealed, record.origin, reason.value, request))
        except TooLargeForTopic:
            max_bytes = min(len(sealed), max_bytes) // 2
            if max_bytes < _MIN_CONTENT_BYTES:
                raise
        else:
            break
    if max_bytes < MAX_CONTENT_BYTES:
        logger.error("dead letter shortened", origin=record.origin, max_bytes=max_bytes)
