"""Refuse: what cannot be used is kept sealed in the dead letters, and its caller is told."""

import base64

import orjson

from consumer.bus import DeadLetter
from consumer.events import Refusal, rejected_event
from consumer.intake import Incoming
from consumer.tools import Tools, log
from ledger.sealing import Sealer

DEAD_LETTER = "dead letter"
"""The name that dead letters are sealed under."""


async def refuse(record: Incoming, refusal: Refusal, tools: Tools) -> None:
    """Publish the dead letter and, where a request id can be read, `request.rejected` on the default topic."""
    letter = DeadLetter(record.key, seal_record(tools.sealer, record), record.origin, refusal.reason.value)
    await tools.lasting(lambda: tools.bus.dead_letter(letter), "dead letter")
    if request_id := refusal.request_id:
        origin = record.origin.replace("/", ".")
        event = rejected_event(refusal, origin, record.time)
        await tools.lasting(lambda: tools.bus.publish(tools.topics.results, request_id, [event]), "say rejected")
    tools.metrics.requests.labels(f"rejected:{refusal.reason.value}").inc()
    log.warning("record refused", origin=record.origin, reason=refusal.reason.value, fields=refusal.fields)


def seal_record(sealer: Sealer, record: Incoming) -> bytes:
    """A record as it lies in the dead letters: four bytes length, its headers as JSON, its value; all sealed."""
    encoded = [[name, None if value is None else base64.b64encode(value).decode()] for name, value in record.headers]
    about = orjson.dumps({"headers": encoded, "null": record.value is None})
    return sealer.seal(len(about).to_bytes(4, "big") + about + (record.value or b""), DEAD_LETTER)
