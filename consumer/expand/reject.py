"""Rejection of a record: a sealed dead letter, and an event for the caller."""

from consumer.context import ConsumerContext
from consumer.dead_letters import publish_dead_letter
from consumer.events import RejectedRecord, rejected_event
from consumer.expand.accepted_at import accepted_at
from consumer.kafka.record import KafkaRecord
from consumer.logger import logger
from consumer.publish_results import publish_to_default_topic
from ledger.dead_letter_format import RejectedRequest


async def reject_record(record: KafkaRecord, rejection: RejectedRecord, context: ConsumerContext) -> None:
    """Publish the dead letter. If the record has a request id, publish `request.rejected` on the default topic.

    Raise CircuitOpen, and publish nothing, if too many records of the topic are garbage.
    """
    if rejection.is_garbage:
        context.circuit_breaker.record_garbage(record.topic, record.origin, rejection.tenant_id)
    request = RejectedRequest(rejection.tenant_id, rejection.request_id, rejection.fields)
    await publish_dead_letter(record, rejection.reason, context, request)
    if request_id := rejection.request_id:
        origin = record.origin.replace("/", ".")
        event = rejected_event(rejection, origin, accepted_at(record, None, context.ledger.now()))
        await publish_to_default_topic(request_id, [event], context, "publish request.rejected")
    context.metrics.requests.labels(f"rejected:{rejection.reason.value}").inc()
    logger.warning("record rejected", origin=record.origin, reason=rejection.reason.value, fields=rejection.fields)
