"""Normalisation of phone numbers to E.164 by libphonenumber, which gets only digits to read."""

from collections.abc import Iterator

from phonenumbers import (
    NumberParseException,
    PhoneNumberFormat,
    country_code_for_region,
    format_number,
    is_valid_number,
    parse,
)

from core.addresses.control_characters import MAX_ADDRESS
from core.addresses.phone_patterns import PlainInternational, PlainNational, begins_with_zero, dials_001
from core.addresses.phone_text import read_number
from core.addresses.problems import AddressProblem

_INTERNATIONAL = PlainInternational()
_NATIONAL = PlainNational()
_MAX_DIGITS = 15
"""Maximum number of digits of E.164. Prefixes may add some more."""


def read_phone(raw: str, default_region: str | None) -> str | AddressProblem:
    """Return the number in E.164, or the reason why it is not valid.

    `default_region` is the ISO country of numbers without `+`. If it is None, such numbers are not valid. The text may
    have separators, a national prefix, or an extension, which is left out.
    """
    return _plain_number(raw, default_region) or _read_text(raw, default_region)


def _plain_number(digits: str, default_region: str | None) -> str | None:
    """Return the number in E.164 if a pattern shows that it has one meaning. Else the library has to read it.

    Most numbers are plain, and the library takes some 50 µs for each.
    """
    if digits[:1] == "+":
        start, plain = _INTERNATIONAL[digits[1:4]]
        return digits if plain.fullmatch(digits[start:]) else None
    prefix, plain = _NATIONAL[default_region]
    return prefix + digits if plain.fullmatch(digits) else None


def _read_text(raw: str, default_region: str | None) -> str | AddressProblem:
    if len(raw) > MAX_ADDRESS:
        return AddressProblem.TOO_LONG
    text = read_number(raw)
    if isinstance(text, AddressProblem):
        return text
    if default_region is None and text.readings[0][0] != "+":
        return AddressProblem.NO_REGION
    found = {number for reading in text.readings for number in _meanings(reading, default_region)}
    if len(found) > 1:
        return AddressProblem.AMBIGUOUS
    if found and text.first and any(_meanings(text.first, default_region)):
        return AddressProblem.TWO_NUMBERS
    if not found and len(text.readings[0]) > _MAX_DIGITS:
        return AddressProblem.TOO_MANY_DIGITS
    return found.pop() if found else AddressProblem.NOT_IN_USE


def _meanings(digits: str, default_region: str | None) -> Iterator[str]:
    """Yield the valid numbers that the digits may mean.

    A spreadsheet may have lost a plus or a zero in front. A prefix for calls abroad may be that of another country.
    """
    written = [(digits, default_region)]
    if digits.startswith("+0") and not digits.startswith("+00"):
        return  # the library would leave out the plus
    if digits[0] not in "+0":
        if default_region and digits.startswith(str(country_code_for_region(default_region))):
            written.append((f"+{digits}", None))
        if begins_with_zero(default_region):
            written.append((f"0{digits}", default_region))
    elif abroad := _behind_zeros(digits, default_region):
        written.append((f"+{abroad}", None))
    yield from filter(None, (_valid_number(*each) for each in written))


def _behind_zeros(digits: str, default_region: str | None) -> str:
    """Return the digits behind 00, which people write in place of + also in countries that dial 001 or 009.

    Australia dials 0011. Elsewhere this looks like a number of North America with its 1 twice.
    """
    digits = digits.removeprefix("+")
    if digits.startswith("0011") and not dials_001(default_region):
        return digits[4:]
    return digits[2:] if digits.startswith("00") else ""


def _valid_number(digits: str, default_region: str | None) -> str | None:
    if plain := _plain_number(digits, default_region):
        return plain
    try:
        number = parse(digits, default_region)
    except NumberParseException:
        return None
    return format_number(number, PhoneNumberFormat.E164) if is_valid_number(number) else None
