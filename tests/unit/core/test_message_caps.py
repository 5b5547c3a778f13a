"""Caps on the messages to one recipient."""

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from core.message_caps import DAY, WEEK, CountedMessage, count_message
from schemas.tenant_settings import RecipientCaps

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@settings(max_examples=300)
@given(
    st.lists(st.tuples(st.integers(0, 6), st.integers(0, 30)), max_size=40),
    st.integers(1, 3),
    st.integers(1, 5),
)
def test_no_day_and_no_week_has_more_deliveries_than_the_caps(
    steps: list[tuple[int, int]], per_day: int, per_week: int
) -> None:
    """Each step is a delivery and the hours until the next step."""
    caps, now = RecipientCaps(per_day=per_day, per_week=per_week), NOW
    counted: tuple[CountedMessage, ...] = ()
    sent: list[CountedMessage] = []
    for delivery, hours in steps:
        after = count_message(counted, str(delivery), caps, now)
        if after is not None:
            counted = after
            sent = [each for each in sent if each.delivery != str(delivery)] + [CountedMessage(str(delivery), now)]
        now += timedelta(hours=hours)
    for each in sent:
        assert sum(1 for other in sent if each.at <= other.at < each.at + DAY) <= per_day
        assert sum(1 for other in sent if each.at <= other.at < each.at + WEEK) <= per_week
