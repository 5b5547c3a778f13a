"""Time of acceptance of a record. A time that a producer wrote is believed only within reason."""

from datetime import UTC, datetime, timedelta

from consumer.kafka.record import KafkaRecord
from core.record_time import read_timestamp, truncate_to_milliseconds
from schemas.requests import BulkRequest

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""Earliest time that is believed. A record in seconds instead of milliseconds is from 1970."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Maximum time by which the clock of a producer may be ahead."""


def accepted_at(record: KafkaRecord, request: BulkRequest | None, now: datetime) -> datetime:
    """Return the time that the body states, else that of the record, else now: the first one that is believed.

    A stated time in the future is believed if the request is scheduled for a time after it. Nothing is done with such a
    request before. The precision is that of MongoDB, so that stored times equal those in memory.
    """
    latest = now + CLOCK_TOLERANCE
    stated = request.accepted_at if request else None
    scheduled_at = (request.send_at if request else None) or latest
    candidates = ((stated, max(latest, scheduled_at)), (read_timestamp(record.timestamp_ms), latest))
    believed = next((time for time, before in candidates if time and EARLIEST <= time <= before), now)
    return truncate_to_milliseconds(believed)
