"""Time zones of phone numbers."""

import pytest

from core.number_zones import zones_of_number
from schemas.time_zones import time_zone_names


@pytest.mark.parametrize(
    ("number", "zones"),
    [
        ("+8613800138000", ("Asia/Shanghai",)),
        ("+4915112345678", ("Europe/Berlin",)),
        ("+12125551234", ("America/New_York",)),
        ("+34600123456", ("Atlantic/Canary", "Europe/Madrid")),
        ("+870773111632", ()),
    ],
)
def test_a_number_has_the_zones_of_its_prefix(number: str, zones: tuple[str, ...]) -> None:
    assert zones_of_number(number) == zones


def test_a_mobile_number_that_tells_only_its_country_has_all_zones_of_it() -> None:
    zones = zones_of_number("+79161234567")
    assert {"Europe/Moscow", "Asia/Kamchatka"} < set(zones)


@pytest.mark.parametrize("number", ["+8613800138000", "+79161234567", "+18005551234", "+61412345678"])
def test_every_zone_of_a_number_is_one_that_is_accepted(number: str) -> None:
    assert set(zones_of_number(number)) <= time_zone_names()
