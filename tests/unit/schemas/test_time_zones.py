"""Names of time zones: those of the IANA database, and no files of the system."""

from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError

from schemas.requests import Recipient
from schemas.time_zones import time_zone_names


@pytest.mark.parametrize("name", ["Asia/Shanghai", "America/Argentina/Buenos_Aires", "UTC", "Etc/GMT+5"])
def test_a_zone_of_the_database_is_accepted(name: str) -> None:
    assert Recipient(to="1", timezone=name).timezone == name


@pytest.mark.parametrize(
    "name",
    ["Mars/Base", "asia/shanghai", "right/Asia/Shanghai", "posixrules", "../etc/passwd", "/etc/localtime", "+08"],
)
def test_an_unknown_zone_is_refused_with_its_field(name: str) -> None:
    with pytest.raises(ValidationError, match="must be the name of a time zone in the IANA database") as caught:
        Recipient(to="1", timezone=name)
    assert caught.value.errors()[0]["loc"] == ("timezone",)


def test_every_zone_that_is_accepted_can_be_used() -> None:
    assert {ZoneInfo(name).key for name in time_zone_names()} == time_zone_names()
