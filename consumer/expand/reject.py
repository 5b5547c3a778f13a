"""Rejection of a record: a sealed dead letter, and an event for the caller."""

from consumer.context import ConsumerContext
from consumer.events import RejectedRecord, rejected_event
from consumer.expand.accepted_at import accepted_at
from consumer.kafka.bus import DeadLetter
from consumer.kafka.record import KafkaRecord
from consumer.logger import logger
from ledger.dead_letter_format import RejectedRequest, seal_record

_MAX_KEY_BYTES = 16 * 1024


async def reject_record(record: KafkaRecord, rejection: RejectedRecord, context: ConsumerContext) -> None:
    """Publish the dead letter. If the record has a request id, publish `request.rejected` on the default topic.

    Raise CircuitOpen, and publish nothing, if too many records of the topic are unusable.
    """
    context.circuit_breaker.record_failure(record.topic, record.origin)
    key = record.key if len(record.key or b"") <= _MAX_KEY_BYTES else None
    request = RejectedRequest(rejection.tenant_id, rejection.request_id, rejection.fields)
    sealed = seal_record(context.sealer, record)
    dead_letter = DeadLetter(key, sealed, record.origin, rejection.reason.value, request)
    await context.retry_until_available("publish dead letter", context.bus.publish_dead_letter, dead_letter)
    if request_id := rejection.request_id:
        origin = record.origin.replace("/", ".")
        event = rejected_event(rejection, origin, accepted_at(record, None, context.ledger.now()))
        await context.retry_until_available(
            "publish request.rejected", context.bus.publish_events, context.topics.results, request_id, [event]
        )
    context.metrics.requests.labels(f"rejected:{rejection.reason.value}").inc()
    logger.warning("record rejected", origin=record.origin, reason=rejection.reason.value, fields=rejection.fields)
