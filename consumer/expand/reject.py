"""Refuse: what cannot be used is kept sealed in the dead letters, and its caller is told."""

from consumer.context import Tools
from consumer.events import Refusal, rejected_event
from consumer.kafka.bus import DeadLetter
from consumer.kafka.record import Incoming
from consumer.logger import log
from ledger.dead_letters import seal_record

_LONGEST_KEY = 16 * 1024


async def refuse(record: Incoming, refusal: Refusal, tools: Tools) -> None:
    """Publish the dead letter and, where a request id can be read, `request.rejected` on the default topic.

    Raises TooMuchPoison, and publishes nothing, where this is one too many.
    """
    tools.poison.admit(record.topic, record.origin)
    key = record.key if len(record.key or b"") <= _LONGEST_KEY else None
    letter = DeadLetter(key, seal_record(tools.sealer, record), record.origin, refusal.reason.value)
    await tools.lasting(lambda: tools.bus.dead_letter(letter), "dead letter")
    if request_id := refusal.request_id:
        origin = record.origin.replace("/", ".")
        event = rejected_event(refusal, origin, record.time)
        await tools.lasting(lambda: tools.bus.publish(tools.topics.results, request_id, [event]), "say rejected")
    tools.metrics.requests.labels(f"rejected:{refusal.reason.value}").inc()
    log.warning("record refused", origin=record.origin, reason=refusal.reason.value, fields=refusal.fields)
