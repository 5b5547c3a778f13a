"""Patterns of plain phone numbers: digits alone, which the library would give back as they are.

They are made from the library's own metadata, per calling code, when first needed. A number that matches is valid and
is its own E.164; of one that does not match nothing is known, and the library must be asked. Each condition below
rules out one thing that `phonenumbers.parse` may do to a number, or is one that `phonenumbers.is_valid_number` asks
for; tests hold both to the same answers for every region and calling code.
"""

import re
from collections.abc import Iterator
from functools import cache

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneMetadata, PhoneNumberDesc

from core.index_ranges import to_ranges

_NEVER = re.compile(r"(?!)")
_LONGEST_CALLING_CODE = 3


class PlainInternational(dict[str, tuple[int, re.Pattern[str]]]):
    """By the first three digits after the plus: the length of plus and calling code, and the pattern of the rest.

    It grows to at most a thousand entries.
    """

    def __missing__(self, digits: str) -> tuple[int, re.Pattern[str]]:
        if not (digits.isascii() and digits.isdigit() and len(digits) == _LONGEST_CALLING_CODE):
            return 0, _NEVER
        entry = (0, _NEVER)
        for length in range(1, _LONGEST_CALLING_CODE + 1):
            # No calling code begins another, so the first found is the only one; none begins with 0.
            code = 0 if digits[0] == "0" else int(digits[:length])
            if code in COUNTRY_CODE_TO_REGION_CODE:
                entry = (1 + length, _international(code))
                break
        self[digits] = entry
        return entry


class PlainNational(dict[str | None, tuple[str, re.Pattern[str]]]):
    """By the default region: plus and calling code, and the pattern of its numbers as they are written without them.

    It grows to one entry a supported region; what is no region, None among them, has no plain numbers.
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
def _international(code: int) -> re.Pattern[str]:
    main = _metadata(code, COUNTRY_CODE_TO_REGION_CODE[code][0])
    return re.compile(_keeps_its_beginning(main) + _valid(code), re.ASCII) if main is not None else _NEVER


def _national(metadata: PhoneMetadata, code: int) -> str:
    """The plain numbers of a region that are written without plus and calling code.

    Here two more things might be taken off: what is dialled to get abroad, and the calling code where the number is
    too long for the region or fits it only without.
    """
    general = _described(metadata.general_desc)
    if general is None:
        return _NEVER.pattern
    not_abroad = rf"(?!{metadata.international_prefix})" if metadata.international_prefix else ""
    alone = len(COUNTRY_CODE_TO_REGION_CODE[code]) == 1  # then what is valid fits the region anyway
    fits = "" if alone else rf"(?={general})"
    return rf"{not_abroad}{fits}{_keeps_its_beginning(metadata)}{_valid(code)}"


def _keeps_its_beginning(metadata: PhoneMetadata) -> str:
    """Nothing that is taken for a national prefix or a carrier's code stands before the number.

    Such a pattern may also match nothing at all, which changes nothing as long as it captures nothing: hence the
    digit that must stand before its end.
    """
    prefix = metadata.national_prefix_for_parsing
    if not prefix:
        return ""
    nothing = re.match(prefix, "")
    if nothing is not None and any(group is not None for group in nothing.groups()):
        return _NEVER.pattern
    return rf"(?!(?:{prefix})(?<=[0-9]))"


def _valid(code: int) -> str:
    """A valid national number of any region of a calling code.

    The region of a number is the first one in the library's order whose leading digits it has, or, where a region has
    none, as whose it is valid; and it must be valid there.
    """
    regions = COUNTRY_CODE_TO_REGION_CODE[code]
    alternatives = []
    claimed: list[str] = []  # leading digits of the regions before
    for region in regions:
        metadata = _metadata(code, region)
        if metadata is None:
            continue
        digits = metadata.leading_digits if len(regions) > 1 else None
        mine = rf"(?={digits})" if digits is not None else ""
        others = rf"(?!{'|'.join(claimed)})" if claimed else ""
        alternatives.append(rf"{others}{mine}{_valid_in(metadata)}")
        if digits is not None:
            claimed.append(digits)
    return rf"(?:{'|'.join(alternatives)})"


def _valid_in(metadata: PhoneMetadata) -> str:
    general = _described(metadata.general_desc)
    kinds = [pattern for desc in _kinds(metadata) if (pattern := _described(desc)) is not None]
    return rf"(?={general})(?:{'|'.join(kinds)})" if general is not None and kinds else _NEVER.pattern


def _kinds(metadata: PhoneMetadata) -> Iterator[PhoneNumberDesc | None]:
    """The kinds of number that make one valid, the most frequent ones first: their order does not decide."""
    if not metadata.same_mobile_and_fixed_line_pattern:
        yield metadata.mobile
    yield from (metadata.fixed_line, metadata.toll_free, metadata.premium_rate, metadata.shared_cost, metadata.voip)
    yield from (metadata.personal_number, metadata.pager, metadata.uan, metadata.voicemail)


def _described(desc: PhoneNumberDesc | None) -> str | None:
    """The pattern of whole numbers of a description, their length included."""
    if desc is None or not desc.national_number_pattern:
        return None
    lengths = "|".join(rf"\d{{{first},{end - 1}}}\Z" for first, end in to_ranges(sorted(desc.possible_length)))
    return (rf"(?={lengths})" if lengths else "") + rf"(?:{desc.national_number_pattern})\Z"


def _metadata(code: int, region: str) -> PhoneMetadata | None:
    return PhoneMetadata.metadata_for_region_or_calling_code(code, region)
