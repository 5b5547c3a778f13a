"""Publishing of result events to the reply topic, or to the default topic if the reply topic cannot be used."""

from collections.abc import Sequence

from consumer.context import ConsumerContext
from consumer.events import Event
from consumer.kafka.bus import BusTimeout, BusUnavailable, TooLargeForTopic
from consumer.logger import logger
from ledger.models import RequestHeader

MAX_REPLY_TOPIC_REJECTIONS = 3
"""Number of rejections after which a reply topic counts as unusable. A permission may be missing for a short time."""
MAX_REPLY_TOPIC_SECONDS = 30.0
"""Time in seconds after which a reply topic counts as unusable, whether it rejects its events or gives no answer."""


async def publish_results(header: RequestHeader, events: Sequence[Event], context: ConsumerContext, step: str) -> None:
    """Publish the events and wait until Kafka has acknowledged them.

    If the reply topic does not take them within a bound, they go to the default topic. Waiting for such a topic would
    occupy a slot, and block the intake behind it, without end.
    """
    topic = header.reply_topic
    if topic is None or topic == context.topics.results:
        await publish_to_default_topic(header.request_id, events, context, step)
    else:
        await context.retry_until_available(step, _ReplyPublisher(topic, header.request_id, events, context).publish)


async def publish_to_default_topic(
    request_id: str, events: Sequence[Event], context: ConsumerContext, step: str
) -> None:
    """Publish the events to the default topic and wait until Kafka has acknowledged them."""
    await context.retry_until_available(step, _publish_or_drop, request_id, events, context)


async def _publish_or_drop(request_id: str, events: Sequence[Event], context: ConsumerContext) -> None:
    """Publish to the default topic. Drop the events that can never be published, because no repeat helps.

    Nothing is lost with them: the ledger has the outcome of a delivery, and the dead letters have a rejected record.
    """
    try:
        await context.bus.publish_events(context.topics.results, request_id, events)
    except TooLargeForTopic as error:
        context.metrics.dropped_events.inc(len(error.events))
        logger.error("events dropped", request_id=request_id, events=len(error.events), reason=str(error))


class _ReplyPublisher:
    """Publishes the events of one step to a reply topic, or instead of it to the default topic."""

    def __init__(self, topic: str, request_id: str, events: Sequence[Event], context: ConsumerContext) -> None:
        self._topic, self._request_id, self._events, self._context = topic, request_id, events, context
        self._rejections = 0
        self._failing_since: float | None = None

    async def publish(self) -> None:
        """Publish once. Raise BusUnavailable if a repeat may help.

        The reply topic counts as failed only if the default topic takes the events. Otherwise all of Kafka may be away,
        and the next try begins with the reply topic.
        """
        health, reason = self._context.reply_topics, "failed before"
        if health.start_try(self._topic):
            try:
                await self._context.bus.publish_events(self._topic, self._request_id, self._events)
            except BusUnavailable as error:
                if await self._may_recover(error):
                    raise
                reason = str(error)
            else:
                health.took_events(self._topic)
                return
        await _publish_or_drop(self._request_id, self._events, self._context)
        health.failed(self._topic)
        self._context.metrics.redirected_events.inc(len(self._events))
        fields = {"request_id": self._request_id, "topic": self._topic, "reason": reason}
        logger.warning("reply topic replaced by the default topic", **fields)

    async def _may_recover(self, error: BusUnavailable) -> bool:
        """Return whether to try the reply topic again. Any error counts as a rejection except a missing answer.

        Only failures while Kafka answers count. After an outage of Kafka, events still go to their reply topic.
        """
        try:
            was_deleted = await self._context.bus.topic_was_deleted(self._topic)
        except BusUnavailable:
            self._rejections, self._failing_since = 0, None
            raise
        now = self._context.monotonic()
        self._failing_since = now if self._failing_since is None else self._failing_since
        self._rejections += not isinstance(error, BusTimeout)
        return (
            not was_deleted
            and self._rejections < MAX_REPLY_TOPIC_REJECTIONS
            and now - self._failing_since < MAX_REPLY_TOPIC_SECONDS
            and not self._context.reply_topics.has_failed(self._topic)
        )
