"""Publishing of result events to the reply topic, or to the default topic if the reply topic cannot be used."""

from collections.abc import Sequence

from consumer.context import ConsumerContext
from consumer.events import Event
from consumer.kafka.bus import BusRejected, BusUnavailable
from consumer.logger import logger
from ledger.models import RequestHeader

MAX_REPLY_TOPIC_REJECTIONS = 3
"""Number of rejections after which a reply topic counts as unusable. A permission may be missing for a short time."""


async def publish_results(header: RequestHeader, events: Sequence[Event], context: ConsumerContext, step: str) -> None:
    """Publish the events and wait until Kafka has acknowledged them.

    If the reply topic was deleted after the request was accepted, or rejects its events, they go to the default topic.
    Waiting for such a topic would occupy a slot, and block the intake behind it, without end.
    """
    default = context.topics.results
    topic = header.reply_topic or default
    rejections = 0

    async def publish() -> None:
        nonlocal rejections
        try:
            await context.bus.publish_events(topic, header.request_id, events)
        except BusUnavailable as error:
            rejections += isinstance(error, BusRejected)
            may_recover = rejections < MAX_REPLY_TOPIC_REJECTIONS
            if topic == default or (may_recover and not await context.bus.topic_was_deleted(topic)):
                raise
            fields = {"request_id": header.request_id, "topic": topic, "reason": str(error)}
            logger.warning("reply topic replaced by the default topic", **fields)
            await context.bus.publish_events(default, header.request_id, events)

    await context.retry_until_available(step, publish)
