"""A number as spreadsheets, programs and people write it is the number meant, or is refused."""

import random

import phonenumbers
import pytest
from phonenumbers import SUPPORTED_REGIONS, PhoneNumberFormat, PhoneNumberType

from core.addresses import AddressProblem
from core.addresses.phone import read_phone
from tests.support.addresses import normalise_phone
from tests.unit.core.number_forms import as_anything_changes_it, as_people_write, random_mobile

WITH_MOBILES = [
    region
    for region in sorted(SUPPORTED_REGIONS)
    if phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE) is not None
]
UNUSUAL = {"AR", "AT", "BJ", "BR", "CI", "CN", "DE", "GA", "GB", "ID", "IN", "IT", "JP", "KZ", "MX", "NG", "RU", "US"}
"""Regions with numbers of many lengths, or with prefixes that look like other digits."""
MANY_REGIONS = sorted(UNUSUAL.union(random.Random(1).sample(WITH_MOBILES, 50)))

LETTERS, EXPONENT, FRACTION = AddressProblem.LETTERS, AddressProblem.EXPONENT, AddressProblem.FRACTION
TWO, OTHER, PLACE = AddressProblem.TWO_NUMBERS, AddressProblem.OTHER_CHARACTER, AddressProblem.WRONG_PLACE


@pytest.mark.parametrize("region", MANY_REGIONS)
def test_a_changed_mobile_number_is_the_number_meant_or_is_refused(region: str) -> None:
    rng = random.Random(region)
    for _ in range(2):
        number = random_mobile(region, rng)
        for text in as_anything_changes_it(number, region):
            assert normalise_phone(text, region) in {None, number}, text
        for text in as_people_write(number):
            assert normalise_phone(text, region) == number, text
            assert normalise_phone(text, "CN") == number, text


def test_the_mobile_numbers_of_every_region_are_found_as_their_people_write_them() -> None:
    for region in WITH_MOBILES:
        number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
        assert number is not None
        e164 = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        for form in (PhoneNumberFormat.INTERNATIONAL, PhoneNumberFormat.NATIONAL):
            assert normalise_phone(phonenumbers.format_number(number, form), region) == e164, (region, form)


@pytest.mark.parametrize(
    ("raw", "region", "number"),
    [
        ("+43664123456.0", "CN", "+43664123456"),
        ("+491712345678.0", "CN", "+491712345678"),
        ("1712345678.0", "DE", "+491712345678"),
        ("13800138000.00", "CN", "+8613800138000"),
        ("0171/2345678", "DE", "+491712345678"),
        ("+43 (0)664/1234567", "CN", "+436641234567"),
        ("+39 (0) 333 1234567", "CN", "+393331234567"),
        ("0171.234.5678", "DE", "+491712345678"),
        ("06.12345678", "NL", "+31612345678"),
        ("+1.2025550140", "CN", "+12025550140"),
        ("1.712.345.678", "DE", "+491712345678"),
        ("06-12-34-56-78", "FR", "+33612345678"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
        ("(0-612) 34567", "LT", "+37061234567"),
        ("(+86) 138 0013 8000", "DE", "+8613800138000"),
        ("+1 (202) 555-0140 ext. 12", "CN", "+12025550140"),
        ("202.555.0140 x205", "US", "+12025550140"),
        ("\u202a+86 138 0013 8000\u202c", "DE", "+8613800138000"),
        ("712345678", "CI", "+2250712345678"),
        ("01712345678.0", "DE", "+491712345678"),
        ("tel: +49 171 2345678", "TH", "+491712345678"),
        ("0049 171 2345678", "TH", "+491712345678"),
        ("001 202 555 0140", "DE", "+12025550140"),
        ("001 1 202 555 0140", "TH", "+12025550140"),
        ("0011 65 8123 4567", "AU", "+6581234567"),
        ("+00 49 171 2345678", "DE", "+491712345678"),
        ("(0) 171 2345678", "DE", "+491712345678"),
        ("+49 171\u200b2345678", "CN", "+491712345678"),
    ],
)
def test_a_number_that_is_certain_is_read(raw: str, region: str, number: str) -> None:
    assert read_phone(raw, region) == number


@pytest.mark.parametrize(
    ("raw", "region", "problem"),
    [
        ("1.39123456E10", "CN", EXPONENT),
        ("1.38001381E10", "CN", EXPONENT),
        ("2.02555014E9", "US", EXPONENT),
        ("1.38E+10", "CN", EXPONENT),
        ("1.39+E10", "CN", LETTERS),
        ("1,39e10", "CN", EXPONENT),
        ("\uff11.\uff13\uff19\uff25\uff11\uff10", "CN", EXPONENT),
        ("1.39\u00d710\u00b9\u2070", "CN", EXPONENT),
        ("812.34567x109", "ID", EXPONENT),
        ("81234567 x 103", "ID", EXPONENT),
        ("+43 664 1234567 (Eva)", "CN", LETTERS),
        ("0812345678 Ani", "ID", LETTERS),
        ("1800 FLOWERS", "US", LETTERS),
        ("13800138000L", "CN", LETTERS),
        ("\u624b\u673a13800138000", "CN", LETTERS),
        ("0171 2345678/9", "DE", TWO),
        ("0171 2345678/79", "DE", TWO),
        ("0812345678-9", "ID", TWO),
        ("0664 575340-8901", "AT", TWO),
        ("13800138000;13900139000", "CN", TWO),
        ("13800138000,13900139000", "CN", TWO),
        ("13800138000\uff0c13900139000", "CN", TWO),
        ("13800138000/13900139000", "CN", TWO),
        ("+8613800138000 +8613900139000", "CN", TWO),
        ("13800138000 13900139000", "CN", AddressProblem.TOO_MANY_DIGITS),
        ("13800138000\n13900139000", "CN", AddressProblem.CONTROL_CHARACTER),
        ("13800138000.5", "CN", FRACTION),
        ("13800138000,0", "CN", FRACTION),
        ("171234.5678", "DE", FRACTION),
        ("8613800138000123.0", "CN", FRACTION),
        ("2024-01-15", "DK", AddressProblem.DATE),
        ("0.0000729016002875", "DE", FRACTION),
        ("1,712,345,678", "DE", OTHER),
        ("1'712'345'678", "DE", OTHER),
        ("'13800138000", "CN", OTHER),
        ('="13800138000"', "CN", OTHER),
        ("13_800_138_000", "CN", OTHER),
        ("-13800138000", "CN", PLACE),
        ("13800138000 (9)", "CN", PLACE),
        ("\u202e00083100831", "CN", AddressProblem.RIGHT_TO_LEFT),
        ("491712345678", "DE", AddressProblem.AMBIGUOUS),
        ("+39 (0)331 123456", "CN", AddressProblem.AMBIGUOUS),
        ("6031243", "GA", AddressProblem.AMBIGUOUS),
        ("03211234560.0", "CO", AddressProblem.NOT_IN_USE),
        ("0049 1512 3453031", "TH", AddressProblem.AMBIGUOUS),
        ("0091 81234 56790", "NG", AddressProblem.AMBIGUOUS),
        ("0011 269 335 5186", "DE", AddressProblem.AMBIGUOUS),
        ("112693355186.0", "DE", AddressProblem.AMBIGUOUS),
        ("0037477418249", "JP", AddressProblem.AMBIGUOUS),
        ("(0)3123456786", "IT", AddressProblem.AMBIGUOUS),
        ("+018499077214", "IL", AddressProblem.NOT_IN_USE),
        ("0812345678\u200b9", "ID", TWO),
        ("0812345678\u00ad9", "ID", TWO),
        ("13800138000", None, AddressProblem.NO_REGION),
        ("12", "CN", AddressProblem.NOT_IN_USE),
        ("+", "CN", AddressProblem.NO_DIGIT),
        ("", "CN", AddressProblem.NO_DIGIT),
        ("1" * 321, "CN", AddressProblem.TOO_LONG),
    ],
)
def test_a_number_that_is_not_certain_is_refused_with_what_was_found(
    raw: str, region: str | None, problem: AddressProblem
) -> None:
    assert read_phone(raw, region) is problem


@pytest.mark.timeout(20)
@pytest.mark.parametrize("unit", ["1  ", "1 - ", "1\u00a0\u00a0", "1;", ";", "(", "1(0)", "1.", "e1", "x1"])
def test_a_hostile_text_costs_no_more_than_any_other(unit: str) -> None:
    for _ in range(100):
        assert normalise_phone((unit * 320)[:319] + "!", "DE") is None


@pytest.mark.parametrize("problem", AddressProblem)
def test_a_reason_has_no_digit_of_an_address(problem: AddressProblem) -> None:
    assert problem.startswith("the address ")
    assert not any(map(str.isdigit, problem))
