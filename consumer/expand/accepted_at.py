"""Time of acceptance of a record. A time that a producer wrote is believed only within reason."""

from datetime import UTC, datetime, timedelta

from consumer.kafka.record import KafkaRecord

EARLIEST = datetime(2020, 1, 1, tzinfo=UTC)
"""Earliest time that is believed. A record in seconds instead of milliseconds is from 1970."""
CLOCK_TOLERANCE = timedelta(minutes=5)
"""Maximum time by which the clock of a producer may be ahead."""


def accepted_at(record: KafkaRecord, stated: datetime | None, now: datetime) -> datetime:
    """Return the time that the body states, else that of the record, else now: the first one that is believed.

    The precision is that of MongoDB, so that stored times equal those in memory.
    """
    candidates = (stated, _record_time(record))
    believed = next((time for time in candidates if time and EARLIEST <= time <= now + CLOCK_TOLERANCE), now)
    return truncate_to_milliseconds(believed)


def _record_time(record: KafkaRecord) -> datetime | None:
    """Return the time of the record, or None if it is beyond all dates, such as one in nanoseconds."""
    try:
        return datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def truncate_to_milliseconds(moment: datetime) -> datetime:
    """Return a time in whole milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
