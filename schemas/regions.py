"""Country of phone numbers that are written without plus and calling code."""

from typing import Annotated

from pydantic import AfterValidator, Field


def known_region(value: str) -> str:
    """Return the country code in upper case. Raise ValueError if the country has no phone numbers of its own."""
    from phonenumbers import SUPPORTED_REGIONS  # noqa: PLC0415  # slow to import, and few commands need it

    # Only ASCII, because `upper` makes two letters of some others, such as the ligature of f and i.
    region = value.upper() if value.isascii() else ""
    if region not in SUPPORTED_REGIONS:
        raise ValueError("must be the ISO 3166-1 code of a country with telephone numbers, such as CN or GB")
    return region


Region = Annotated[str, AfterValidator(known_region), Field(json_schema_extra={"pattern": "^[A-Za-z]{2}$"})]
"""ISO 3166-1 alpha-2 code in any case. It is kept in upper case, so that `cn` and `CN` are the same request."""
