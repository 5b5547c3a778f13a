"""Patterns of plain phone numbers: digits only, which the library would return unchanged.

The patterns are built from the metadata of the library, per calling code, at the first use. A number that matches is
valid and is already E.164. If a number does not match, the library decides. Each condition below excludes one change
that `phonenumbers.parse` may make to a number, or is a condition of `phonenumbers.is_valid_number`. Tests compare both
for every region and calling code.
"""

import re
from collections.abc import Iterator
from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata, PhoneNumberDesc

from core.index_ranges import to_ranges

_NEVER = re.compile(r"(?!)")
_LONGEST_CALLING_CODE = 3


class PlainInternational(dict[str, tuple[int, re.Pattern[str]]]):
    """Table by the first three digits after the plus: the length of plus and calling code, and the pattern of the rest.

    The table grows to at most a thousand entries.
    """

    def __missing__(self, digits: str) -> tuple[int, re.Pattern[str]]:
        if not (digits.isascii() and digits.isdigit() and len(digits) == _LONGEST_CALLING_CODE):
            return 0, _NEVER
        entry = (0, _NEVER)
        for length in range(1, _LONGEST_CALLING_CODE + 1):
            # No calling code is the prefix of another, so the first match is the only one. None begins with 0.
            code = 0 if digits[0] == "0" else int(digits[:length])
            if code in COUNTRY_CODE_TO_REGION_CODE:
                entry = (1 + length, _international(code))
                break
        self[digits] = entry
        return entry


class PlainNational(dict[str | None, tuple[str, re.Pattern[str]]]):
    """Table by the default region: plus and calling code, and the pattern of national numbers without them.

    The table grows to one entry per supported region. An unknown region, and None, have no plain numbers.
    """

    def __missing__(self, region: str | None) -> tuple[str, re.Pattern[str]]:
        if region is None or region not in SUPPORTED_REGIONS:
            return "", _NEVER
        metadata = PhoneMetadata.metadata_for_region(region)
        code = metadata.country_code if metadata is not None else None
        if metadata is None or code is None:
            return "", _NEVER
        entry = f"+{code}", re.compile(_national(metadata, code), re.ASCII)
        self[region] = entry
        return entry


@cache
def begins_with_zero(region: str | None) -> bool:
    """Return whether mobile numbers of a region begin with a zero that is part of the number, as in Gabon."""
    metadata = PhoneMetadata.metadata_for_region(region) if region in SUPPORTED_REGIONS else None
    return bool(metadata and metadata.mobile and (metadata.mobile.example_number or "").startswith("0"))


@cache
def dials_001(region: str | None) -> bool:
    """Return whether the prefix for calls abroad of a region is 001, as in Thailand, or 0011, as in Australia."""
    metadata = PhoneMetadata.metadata_for_region(region) if region in SUPPORTED_REGIONS else None
    prefix = re.match(metadata.international_prefix or "00", "0011") if metadata else None
    return prefix is not None and len(prefix[0]) > len("00")


@cache
def _international(code: int) -> re.Pattern[str]:
    main = _metadata(code, COUNTRY_CODE_TO_REGION_CODE[code][0])
    return re.compile(_without_prefix_change(main) + _valid(code), re.ASCII) if main is not None else _NEVER


def _national(metadata: PhoneMetadata, code: int) -> str:
    """Return the pattern of the plain numbers of a region, written without plus and calling code.

    For such numbers `parse` may remove two more prefixes: the international prefix, and the calling code if the number
    is too long for the region or fits only without it. Numbers that may have lost a plus or a zero in front do not
    match, because the caller of the library compares their meanings.
    """
    general = _whole_number_pattern(metadata.general_desc)
    if general is None:
        return _NEVER.pattern
    not_abroad = rf"(?!00|{metadata.international_prefix or '00'})"  # 00 is written for + in all countries
    is_only_region = len(COUNTRY_CODE_TO_REGION_CODE[code]) == 1  # then a valid number fits the region anyway
    fits = "" if is_only_region else rf"(?={general})"
    lost_plus = rf"(?!{code}\d{{{_shortest(code)},}})"
    lost_zero = "(?=0)" if begins_with_zero(metadata.id) else ""
    return rf"{not_abroad}{lost_plus}{lost_zero}{fits}{_without_prefix_change(metadata)}{_valid(code)}"


def _shortest(code: int) -> int:
    """Return the minimum length of the national numbers of a calling code."""
    regions = [_metadata(code, region) for region in COUNTRY_CODE_TO_REGION_CODE[code]]
    return min(min(each.general_desc.possible_length) for each in regions if each and each.general_desc)


def _without_prefix_change(metadata: PhoneMetadata) -> str:
    """Return a pattern that excludes numbers with a national prefix or a carrier code in front.

    The pattern of such a prefix may also match the empty text. That changes nothing unless it captures a group.
    Therefore a digit must be before the end of the match.
    """
    prefix = metadata.national_prefix_for_parsing
    if not prefix:
        return ""
    empty_match = re.match(prefix, "")
    if empty_match is not None and any(group is not None for group in empty_match.groups()):
        return _NEVER.pattern
    return rf"(?!(?:{prefix})(?<=[0-9]))"


def _valid(code: int) -> str:
    """Return the pattern of the valid national numbers of all regions of a calling code.

    The region of a number is the first region, in the order of the library, whose leading digits the number has. A
    region without leading digits matches if the number is valid there. The number must be valid in its region.
    """
    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    alternatives = []
    claimed: list[str] = []  # leading digits of the previous regions
    for region in regions:
        metadata = _metadata(code, region)
        if metadata is None:
            continue
        digits = metadata.leading_digits if len(regions) > 1 else None
        own = rf"(?={digits})" if digits is not None else ""
        others = rf"(?!{'|'.join(claimed)})" if claimed else ""
        alternatives.append(rf"{others}{own}{_valid_in(metadata)}")
        if digits is not None:
            claimed.append(digits)
    return rf"(?:{'|'.join(alternatives)})"


def _valid_in(metadata: PhoneMetadata) -> str:
    general = _whole_number_pattern(metadata.general_desc)
    kinds = [pattern for desc in _kinds(metadata) if (pattern := _whole_number_pattern(desc)) is not None]
    return rf"(?={general})(?:{'|'.join(kinds)})" if general is not None and kinds else _NEVER.pattern


def _kinds(metadata: PhoneMetadata) -> Iterator[PhoneNumberDesc | None]:
    """Yield the kinds of valid numbers, the most frequent first. The order does not change the result."""
    if not metadata.same_mobile_and_fixed_line_pattern:
        yield metadata.mobile
    yield from (metadata.fixed_line, metadata.toll_free, metadata.premium_rate, metadata.shared_cost, metadata.voip)
    yield from (metadata.personal_number, metadata.pager, metadata.uan, metadata.voicemail)


def _whole_number_pattern(desc: PhoneNumberDesc | None) -> str | None:
    """Return the pattern of whole numbers of a description, including their length."""
    if desc is None or not desc.national_number_pattern:
        return None
    lengths = "|".join(rf"\d{{{first},{end - 1}}}\Z" for first, end in to_ranges(sorted(desc.possible_length)))
    return (rf"(?={lengths})" if lengths else "") + rf"(?:{desc.national_number_pattern})\Z"


def _metadata(code: int, region: str) -> PhoneMetadata | None:
    return PhoneMetadata.metadata_for_region_or_calling_code(code, region)
