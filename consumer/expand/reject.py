"""Refuse: what cannot be used is kept sealed in the dead letters, and its caller is told."""

from consumer.context import ConsumerContext
from consumer.events import RejectedRecord, rejected_event
from consumer.kafka.bus import DeadLetter
from consumer.kafka.record import KafkaRecord
from consumer.logger import logger
from ledger.dead_letter_format import seal_record

_MAX_KEY_BYTES = 16 * 1024


async def reject_record(record: KafkaRecord, refusal: RejectedRecord, context: ConsumerContext) -> None:
    """Publish the dead letter and, where a request id can be read, `request.rejected` on the default topic.

    Raises TooMuchPoison, and publishes nothing, where this is one too many.
    """
    context.circuit_breaker.record_failure(record.topic, record.origin)
    key = record.key if len(record.key or b"") <= _MAX_KEY_BYTES else None
    letter = DeadLetter(key, seal_record(context.sealer, record), record.origin, refusal.reason.value)
    await context.retry_until_available("dead letter", context.bus.publish_dead_letter, letter)
    if request_id := refusal.request_id:
        origin = record.origin.replace("/", ".")
        event = rejected_event(refusal, origin, record.timestamp)
        await context.retry_until_available(
            "say rejected", context.bus.publish_events, context.topics.results, request_id, [event]
        )
    context.metrics.requests.labels(f"rejected:{refusal.reason.value}").inc()
    logger.warning("record refused", origin=record.origin, reason=refusal.reason.value, fields=refusal.fields)
