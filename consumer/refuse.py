"""Refuse: what cannot be used is kept sealed in the dead letters, and its caller is told."""

import base64
from typing import Any

import orjson

from consumer.bus import DeadLetter
from consumer.events import Refusal, rejected_event
from consumer.intake import LARGEST_BYTES, Incoming
from consumer.tools import Tools, log
from ledger.sealing import Sealer
from schemas.topics import DEAD_LETTER_BYTES

DEAD_LETTER = "dead letter"
"""The name that dead letters are sealed under."""

_ROOM_BYTES = DEAD_LETTER_BYTES - 64 * 1024
"""What is kept of a record, its seal and the dead letter's own headers aside."""
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


def seal_record(sealer: Sealer, record: Incoming) -> bytes:
    """A record as it lies in the dead letters: four bytes length, its headers as JSON, its value; all sealed.

    What was compressed to pass the topic's limit may not fit: its value is cut, and very long headers are left out.
    `bytes` tells how long the value was. Where and when it stood is sealed too: it decides the id of a bare record.
    """
    value = record.value or b""
    encoded = [[name, None if said is None else base64.b64encode(said).decode()] for name, said in record.headers]
    about: dict[str, Any] = {
        "headers": encoded,
        "null": record.value is None,
        "bytes": len(value),
        "origin": record.origin,
        "timestamp_ms": record.timestamp_ms,
    }
    head = orjson.dumps(about)
    if len(head) > _ROOM_BYTES - LARGEST_BYTES:
        head = orjson.dumps(about | {"headers": None})
    room = _ROOM_BYTES - len(head)
    return sealer.seal(len(head).to_bytes(4, "big") + head + value[:room], DEAD_LETTER)
