"""Phone numbers: their normal form, and the equality of the fast path and the library."""

import random
import re
import unicodedata
from collections.abc import Callable, Iterator

import phonenumbers
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, SUPPORTED_REGIONS, PhoneNumberFormat, PhoneNumberType

from core.addresses.phone_patterns import PlainInternational, PlainNational, begins_with_zero, dials_001
from tests.support.addresses import normalise_phone

REGIONS = sorted(SUPPORTED_REGIONS)
DIGITS = "0123456789"


def by_library(raw: str, region: str | None) -> str | None:
    """Return the only number that the digits may mean for the library.

    They may have lost a plus or a zero. 00 means a plus, whatever the region dials, and 0011 is that of Australia.
    """
    if re.match(r"\+0(?!0)", raw):
        return None
    written = [(raw, region)]
    if region is not None and (zeros := re.match(r"\+?(00(?:11)?)", raw)):
        is_australian = zeros[1] == "0011" and not dials_001(region)
        written.append((f"+{raw[zeros.end() :] if is_australian else raw.lstrip('+')[2:]}", None))
    if raw[:1] not in {"", "+", "0"} and region is not None:
        if raw.startswith(str(phonenumbers.country_code_for_region(region))):
            written.append((f"+{raw}", None))
        if begins_with_zero(region):
            written.append((f"0{raw}", region))
    found = {number for each in written if (number := parsed(*each))}
    return found.pop() if len(found) == 1 else None


def parsed(raw: str, region: str | None) -> str | None:
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def examples(*kinds: int) -> Iterator[tuple[str, str]]:
    """Return (region, E.164) of the example numbers of the library."""
    for region in REGIONS:
        for kind in kinds:
            number = phonenumbers.example_number_for_type(region, kind)
            if number is not None:
                yield region, phonenumbers.format_number(number, PhoneNumberFormat.E164)
    for code in phonenumbers.COUNTRY_CODES_FOR_NON_GEO_REGIONS:
        number = phonenumbers.example_number_for_non_geo_entity(code)
        if number is not None:
            yield "US", phonenumbers.format_number(number, PhoneNumberFormat.E164)


ALL_KINDS = tuple(PhoneNumberType.values())
EXAMPLES = sorted(set(examples(*ALL_KINDS)))


def national(e164: str) -> str:
    return phonenumbers.national_significant_number(phonenumbers.parse(e164))


def written(region: str, e164: str) -> Iterator[str]:
    """Return the notations of a number without blanks."""
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    yield from (e164, e164[1:], "00" + e164[1:], "011" + e164[1:], national(e164), "0" + national(e164))
    yield (metadata.national_prefix or "") + national(e164)
    yield f"+{metadata.country_code}{metadata.national_prefix or ''}{national(e164)}"


def mutated(number: str, rng: random.Random) -> str:
    at = rng.randrange(len(number))
    return rng.choice(
        (
            number[:at] + rng.choice(DIGITS) + number[at + 1 :],
            number[:at] + rng.choice(DIGITS) + number[at:],
            number[:at] + number[at + 1 :],
            number[:at] + "".join(rng.choices(DIGITS, k=len(number) - at)),
        )
    )


@pytest.mark.parametrize("raw", ["13800138000", "+8613800138000", " 138 0013-8000 ", "008613800138000", "013800138000"])
def test_a_chinese_mobile_number_has_one_form_in_all_notations(raw: str) -> None:
    assert normalise_phone(raw, "CN") == "+8613800138000"


def test_a_number_without_plus_needs_a_region() -> None:
    assert normalise_phone("13800138000", None) is None
    assert normalise_phone("13800138000", "XX") is None
    assert normalise_phone("+8613800138000", None) == "+8613800138000"
    assert normalise_phone("+8613800138000", "DE") == "+8613800138000"


@pytest.mark.parametrize(
    "raw", ["", "+", "+86", "12", "abc", "+999123456789", "1380013800", "+861380013800", "+0123456"]
)
def test_an_invalid_number_has_no_normal_form(raw: str) -> None:
    assert normalise_phone(raw, "CN") is None


@pytest.mark.parametrize("control", ["\r", "\n", "\0", "\t", "\x1b", "\x7f", "\x85", "\u2028"])
@pytest.mark.parametrize(
    "form", ["{}13800138000", "138{}00138000", "13800138000{}", "+86138{}00138000", "+{}8613800138000"]
)
def test_a_control_character_makes_an_address_invalid(form: str, control: str) -> None:
    assert normalise_phone(form.format(control), "CN") is None


def test_overlong_input_is_refused_without_parsing() -> None:
    assert normalise_phone(" " * 400 + "13800138000", "CN") is None
    assert normalise_phone("+86" + "1" * 1_000_000, "CN") is None


def test_digits_of_other_scripts_are_read_as_digits() -> None:
    assert normalise_phone("\uff0b\uff18\uff161\uff13800138000", None) == "+8613800138000"
    assert normalise_phone("+861380013800\u0660", None) == "+8613800138000"
    assert normalise_phone("1380013800\uff10", "CN") == "+8613800138000"


def test_examples_of_every_region_and_kind_are_read_as_the_library_reads_them() -> None:
    assert len(EXAMPLES) > 1000
    for region, e164 in EXAMPLES:
        for raw in written(region, e164):
            assert normalise_phone(raw, region) == by_library(raw, region), (raw, region)
        assert normalise_phone(e164, None) == e164


def test_near_misses_of_every_example_are_read_as_the_library_reads_them() -> None:
    rng = random.Random(6)
    for region, e164 in EXAMPLES:
        for number in (e164, national(e164)):
            for _ in range(4):
                raw = mutated(number, rng)
                assert normalise_phone(raw, region) == by_library(raw, region), (raw, region)


@settings(deadline=None)
@given(
    st.sampled_from(sorted(COUNTRY_CODE_TO_REGION_CODE)),
    st.text(DIGITS, max_size=16),
    st.sampled_from([None, *REGIONS]),
)
def test_any_digits_after_a_calling_code_are_read_as_the_library_reads_them(
    code: int, digits: str, region: str | None
) -> None:
    assert normalise_phone(f"+{code}{digits}", region) == by_library(f"+{code}{digits}", region)


@settings(deadline=None)
@given(st.text(DIGITS, max_size=17), st.sampled_from(REGIONS))
def test_any_digits_are_read_as_the_library_reads_them(digits: str, region: str) -> None:
    assert normalise_phone(digits, region) == by_library(digits, region)


@settings(deadline=None, max_examples=300)
@given(
    st.sampled_from(EXAMPLES), st.randoms(use_true_random=False), st.sampled_from([str, national]), st.integers(1, 4)
)
def test_wider_misses_are_read_as_the_library_reads_them(
    known: tuple[str, str],
    rng: random.Random,
    write: Callable[[str], str],
    times: int,
) -> None:
    region, raw = known[0], write(known[1])
    for _ in range(times):
        raw = mutated(raw, rng) if raw else raw
    assert normalise_phone(raw, region) == by_library(raw, region)


@st.composite
def tempting(draw: st.DrawFn) -> tuple[str, str]:
    """Draw (number without plus, region) that fits a region and begins with a removable prefix, or nearly so."""
    region = draw(st.sampled_from(REGIONS))
    metadata = phonenumbers.PhoneMetadata.metadata_for_region(region)
    assert metadata is not None
    described = (metadata.mobile, metadata.fixed_line, metadata.toll_free, metadata.uan, metadata.general_desc)
    patterns = [desc.national_number_pattern for desc in described if desc and desc.national_number_pattern]
    number = draw(st.from_regex(draw(st.sampled_from(patterns)), fullmatch=True, alphabet=DIGITS))
    taken_off = (metadata.national_prefix_for_parsing, metadata.international_prefix, str(metadata.country_code))
    prefix = draw(st.sampled_from([pattern for pattern in taken_off if pattern]))
    start = draw(st.from_regex(prefix, fullmatch=True, alphabet=DIGITS))
    return start + number[draw(st.sampled_from([0, len(start)])) :], region


@settings(deadline=None, max_examples=400)
@given(tempting())
@example(("00800997245", "PA"))  # fits Panama, and begins as a call abroad
@example(("00376805085954771", "JP"))  # fits Japan, and begins with its national prefix
@example(("35820595", "AX"))  # fits Finland, but for one on Aland it begins with the calling code
def test_a_removable_prefix_is_removed_as_by_the_library(number: tuple[str, str]) -> None:
    raw, region = number
    code = phonenumbers.country_code_for_region(region)
    assert normalise_phone(raw, region) == by_library(raw, region)
    assert normalise_phone(f"+{code}{raw}", None) == by_library(f"+{code}{raw}", None)


ODD = st.text(st.sampled_from("+0123456789 -()./,;#*xextEXT\uff0b\uff11\u0661\u00a0\u200b~=:"), max_size=24)


@settings(deadline=None, max_examples=300)
@given(ODD | st.text(max_size=30) | st.text(st.characters(), max_size=20), st.sampled_from([None, "CN", "US", "AR"]))
@example("tel:863-1234;phone-context=+1-914-555", "US")
@example("1800 FLOWERS", "US")
@example("\ud80013800138000", "CN")
def test_anything_at_all_is_refused_or_read_by_all_of_its_digits(raw: str, region: str | None) -> None:
    found = normalise_phone(raw, region)
    number = re.sub(r" *(ext\.?|x|#) *\d{1,6}\W*$", "", raw, flags=re.IGNORECASE)
    number = re.sub(r"\.0{1,2}\W*$", "", number)
    plus = "+" if "+" in raw or "\uff0b" in raw else ""
    digits = plus + "".join(str(unicodedata.decimal(char)) for char in number if char.isdecimal())
    assert found is None or found == by_library(digits, region)


@settings(deadline=None)
@given(st.sampled_from(EXAMPLES))
def test_normalising_twice_is_normalising_once(known: tuple[str, str]) -> None:
    assert normalise_phone(known[1], known[0]) == known[1]


def test_almost_every_mobile_number_takes_the_fast_path() -> None:
    international, within = PlainInternational(), PlainNational()
    known = list(examples(PhoneNumberType.MOBILE))
    fast = 0
    for region, e164 in known:
        start, plain = international[e164[1:4]]
        fast += plain.fullmatch(e164[start:]) is not None
        if e164.startswith(within[region][0]):
            fast += within[region][1].fullmatch(national(e164)) is not None
    assert fast > 1.9 * len(known)
    assert within["AR"][1].fullmatch("91123456789")  # Argentina's national prefix may be nothing at all


def test_the_tables_do_not_grow_with_invalid_numbers() -> None:
    international, within = PlainInternational(), PlainNational()
    for junk in ("", "8", "abc", "\u0661\u0662\u0663", "86\n"):
        assert international[junk][0] == 0
    for region in (None, "", "xx", "cn"):
        assert within[region][0] == ""
    assert not international
    assert not within
