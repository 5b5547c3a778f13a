"""Results go to the topic that their request names, and never wait for one that is no more or takes nothing."""

from collections.abc import Sequence

from consumer.context import ConsumerContext
from consumer.events import Event
from consumer.kafka.bus import BusRejected, BusUnavailable
from consumer.logger import logger
from ledger.models import RequestHeader

MAX_REPLY_TOPIC_REJECTIONS = 3
"""So many refusals, and a reply topic takes nothing; a right may have been taken and given back in between."""


async def publish_results(header: RequestHeader, events: Sequence[Event], context: ConsumerContext, what: str) -> None:
    """Publish until acknowledged.

    Where the reply topic was deleted after the request was accepted, or refuses its events, they go to the default
    topic: waiting for it would keep a slot, and the intake behind it, for ever.
    """
    default = context.topics.results
    topic = header.reply_topic or default
    refusals = 0

    async def publish() -> None:
        nonlocal refusals
        try:
            await context.bus.publish_events(topic, header.request_id, events)
        except BusUnavailable as error:
            refusals += isinstance(error, BusRejected)
            may_recover = refusals < MAX_REPLY_TOPIC_REJECTIONS
            if topic == default or (may_recover and not await context.bus.topic_was_deleted(topic)):
                raise
            said = {"request_id": header.request_id, "topic": topic, "because": str(error)}
            logger.warning("reply topic takes no events, they go to the default one", **said)
            await context.bus.publish_events(default, header.request_id, events)

    await context.retry_until_available(what, publish)
