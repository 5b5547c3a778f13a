"""Normalisation of phone numbers to E.164 by libphonenumber."""

from phonenumbers import NumberParseException, PhoneNumberFormat, format_number, is_valid_number, parse

from core.addresses.control_characters import MAX_ADDRESS, has_control
from core.addresses.phone_patterns import PlainInternational, PlainNational

_INTERNATIONAL = PlainInternational()
_NATIONAL = PlainNational()


def normalise_phone(raw: str, default_region: str | None) -> str | None:
    """Return the number in E.164, or None if it is not valid.

    `default_region` is the ISO country of numbers without `+`. If it is None, such numbers are not valid. Numbers are
    read as libphonenumber reads them: with spaces, punctuation, a national prefix, or an extension that E.164 omits.
    """
    # Most numbers are plain, and the library takes some 50 µs for each.
    if raw[:1] == "+":
        start, plain = _INTERNATIONAL[raw[1:4]]
        if plain.fullmatch(raw[start:]):
            return raw
    else:
        prefix, plain = _NATIONAL[default_region]
        if plain.fullmatch(raw):
            return prefix + raw
    return _normalise_by_library(raw, default_region)


def _normalise_by_library(raw: str, default_region: str | None) -> str | None:
    if len(raw) > MAX_ADDRESS or has_control(raw):
        return None
    try:
        number = parse(raw, default_region)
    except NumberParseException:
        return None
    return format_number(number, PhoneNumberFormat.E164) if is_valid_number(number) else None
