"""Results go to the topic that their request names, and never wait for one that is no more."""

from collections.abc import Sequence

from consumer.bus import BusUnavailable
from consumer.events import Event
from consumer.tools import Tools, log
from ledger.values import Head


async def publish_results(head: Head, events: Sequence[Event], tools: Tools, what: str) -> None:
    """Publish until acknowledged.

    Where the reply topic was deleted after the request was accepted, its events go to the default topic: waiting for it
    would keep a slot, and the intake behind it, for ever.
    """
    default = tools.topics.results
    topic = head.reply_topic or default

    async def publish() -> None:
        try:
            await tools.bus.publish(topic, head.request_id, events)
        except BusUnavailable:
            if topic == default or not await tools.bus.topic_gone(topic):
                raise
            log.warning("reply topic is gone, events go to the default one", request_id=head.request_id, topic=topic)
            await tools.bus.publish(default, head.request_id, events)

    await tools.lasting(publish, what)
