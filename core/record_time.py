"""Timestamps of Kafka records. Any client may have written them, and older brokers take any number."""

from datetime import UTC, datetime

NO_TIMESTAMP = -1
"""Timestamp of a record whose client set none."""


def read_timestamp(milliseconds: int) -> datetime | None:
    """Return the time of a record, or None if its timestamp is not a date, or is before 1970."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC) if milliseconds >= 0 else None
    except (ValueError, OverflowError, OSError):
        return None


def truncate_to_milliseconds(moment: datetime) -> datetime:
    """Return a time in whole milliseconds."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
