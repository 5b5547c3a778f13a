"""Names of time zones, as recipients and settings have them."""

from functools import cache
from importlib.resources import files
from typing import Annotated, Any

from pydantic import AfterValidator, Field


@cache
def time_zone_names() -> frozenset[str]:
    """Return the names of the IANA database that the package `tzdata` has.

    `zoneinfo.available_timezones` reads the headers of all files of the system, which takes 0.14 s.
    """
    return frozenset(files("tzdata").joinpath("zones").read_text("ascii").split())


def known_time_zone(value: str) -> str:
    """Return the name of a time zone. Raise ValueError if the IANA database has no such zone."""
    if value not in time_zone_names():
        raise ValueError("must be the name of a time zone in the IANA database, such as Asia/Shanghai")
    return value


TimeZone = Annotated[
    str,
    AfterValidator(known_time_zone),
    Field(max_length=64, json_schema_extra={"pattern": "^[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*$"}),
]
"""Name of a time zone in the IANA database, such as `Europe/Berlin`. Its case counts."""
TIME_ZONE: Any = Field(
    default=None,
    description="time zone of this recipient (IANA), for the send window of the tenant. Wins over those of the number.",
    examples=["Asia/Shanghai"],
)
"""Field of a recipient."""
