"""Rules of a channel for its addresses."""

import pytest

from core.addresses import AddressRules
from schemas.statuses import Channel


@pytest.mark.parametrize(
    ("channel", "raw", "address", "masked"),
    [
        (Channel.SMS, "138 0013 8000", "+8613800138000", "138****8000"),
        (Channel.SMS, "not a number", None, "n***r"),
        (Channel.SMS, "alice@example.com", None, "a***m"),
        (Channel.EMAIL, "alice@Example.com", "alice@example.com", "a***@example.com"),
        (Channel.EMAIL, "alice", None, "***"),
        (Channel.EMAIL, "a\r\nBcc: bob@example.com", None, "a***m"),
        (Channel.EMAIL, "13800138000", None, "1***0"),
    ],
)
def test_the_channel_decides_how_an_address_is_normalised_and_masked(
    channel: Channel, raw: str, address: str | None, masked: str
) -> None:
    rules = AddressRules(channel, "CN")
    assert rules.normalise(raw) == address
    assert rules.mask(raw, address) == masked


def test_a_number_without_a_plus_needs_a_region() -> None:
    rules = AddressRules(Channel.SMS, None)
    assert rules.normalise("13800138000") is None
    assert rules.normalise("+8613800138000") == "+8613800138000"
