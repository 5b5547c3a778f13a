"""Results go to the topic that their request names, and never wait for one that is no more or takes nothing."""

from collections.abc import Sequence

from consumer.context import Tools
from consumer.events import Event
from consumer.kafka.bus import BusRefused, BusUnavailable
from consumer.logger import log
from ledger.models import RequestHeader

REFUSALS = 3
"""So many refusals, and a reply topic takes nothing; a right may have been taken and given back in between."""


async def publish_results(head: RequestHeader, events: Sequence[Event], tools: Tools, what: str) -> None:
    """Publish until acknowledged.

    Where the reply topic was deleted after the request was accepted, or refuses its events, they go to the default
    topic: waiting for it would keep a slot, and the intake behind it, for ever.
    """
    default = tools.topics.results
    topic = head.reply_topic or default
    refusals = 0

    async def publish() -> None:
        nonlocal refusals
        try:
            await tools.bus.publish(topic, head.request_id, events)
        except BusUnavailable as error:
            refusals += isinstance(error, BusRefused)
            if topic == default or (refusals < REFUSALS and not await tools.bus.topic_gone(topic)):
                raise
            said = {"request_id": head.request_id, "topic": topic, "because": str(error)}
            log.warning("reply topic takes no events, they go to the default one", **said)
            await tools.bus.publish(default, head.request_id, events)

    await tools.lasting(publish, what)
