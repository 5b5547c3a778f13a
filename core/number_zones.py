"""Time zones of a phone number, by its prefix, as libphonenumber knows them."""

from collections import defaultdict
from functools import cache

_LONGEST_CALLING_CODE = 3
_UNKNOWN = "Etc/Unknown"
"""Zone of a number that belongs to no country, such as that of a satellite."""

Zones = tuple[str, ...]


def zones_of_number(number: str) -> Zones:
    """Return the time zones in which a number in E.164 may be. Empty if they are not known.

    In most countries, the number of a mobile phone tells only the country. It then has all zones of the country. The
    library takes 50 µs for a number, and is asked only if the country has several zones.
    """
    for length in range(1, _LONGEST_CALLING_CODE + 1):
        zones = _zones_by_calling_code().get(number[1 : 1 + length])
        if zones is not None:
            return zones if len(zones) == 1 else _zones_by_prefix(number)
    return ()


@cache
def _zones_by_calling_code() -> dict[str, Zones]:
    """Return all zones of each calling code. The data of the library takes 0.5 MB, and is loaded at the first use."""
    from phonenumbers import COUNTRY_CODE_TO_REGION_CODE  # noqa: PLC0415  # see above
    from phonenumbers.tzdata import TIMEZONE_DATA  # noqa: PLC0415

    codes = set(map(str, COUNTRY_CODE_TO_REGION_CODE))
    found: defaultdict[str, set[str]] = defaultdict(set)
    for prefix, zones in TIMEZONE_DATA.items():
        code = next(prefix[:length] for length in range(1, _LONGEST_CALLING_CODE + 1) if prefix[:length] in codes)
        found[code].update(zones)
    return {code: tuple(sorted(zones)) for code, zones in found.items()}


def _zones_by_prefix(number: str) -> Zones:
    from phonenumbers import parse  # noqa: PLC0415  # see above
    from phonenumbers.timezone import time_zones_for_number  # noqa: PLC0415

    return tuple(zone for zone in time_zones_for_number(parse(number)) if zone != _UNKNOWN)
