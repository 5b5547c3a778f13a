"""Results go to the topic that their request names, and never wait for one that is no more or takes nothing."""

from collections.abc import Sequence

from consumer.context import ConsumerContext
from consumer.events import Event
from consumer.kafka.bus import BusRefused, BusUnavailable
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
            await context.bus.publish(topic, header.request_id, events)
        except BusUnavailable as error:
            refusals += isinstance(error, BusRefused)
            if topic == default or (refusals < MAX_REPLY_TOPIC_REJECTIONS and not await context.bus.topic_gone(topic)):
                raise
            said = {"request_id": header.request_id, "topic": topic, "because": str(error)}
            logger.warning("reply topic takes no events, they go to the default one", **said)
            await context.bus.publish(default, header.request_id, events)

    await context.retry_until_available(what, publish)
