"""Ways in which spreadsheets, programs and people change a phone number."""

import random
from collections.abc import Iterator

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
_DIGITS = str.maketrans("0123456789", "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19")
_ARABIC = str.maketrans("0123456789", "\u0660\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669")


def random_mobile(region: str, rng: random.Random) -> str:
    """Return a random valid mobile number of a region, in E.164."""
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    assert example is not None
    national = phonenumbers.national_significant_number(example)
    while True:
        kept = rng.randint(1, len(national) - 1)
        tail = "".join(rng.choices("0123456789", k=len(national) - kept))
        raw = f"+{example.country_code}{national[:kept]}{tail}"
        number = phonenumbers.parse(raw)
        if phonenumbers.is_valid_number_for_region(number, region) and phonenumbers.number_type(number) in MOBILE:
            return phonenumbers.format_number(number, PhoneNumberFormat.E164)


def as_people_write(e164: str) -> Iterator[str]:
    """Yield the notations in which the number must be found."""
    number = phonenumbers.parse(e164)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    yield from (e164, f" {e164} ", f"({e164[:3]}){e164[3:]}" if number.country_code > 9 else e164)
    yield from (international, international.replace(" ", "\u00a0"), f"\u202a{international}\u202c")
    yield from (international.replace("-", "\u2011"), international.replace("+", "\uff0b"), f"tel:{e164}", f"{e164}.0")
    yield from (
        e164.translate(_DIGITS),
        e164.translate(_ARABIC),
        f"{e164} ext. 12",
        f"{e164}x7",
        f"{international} #12",
    )


def as_anything_changes_it(e164: str, region: str) -> Iterator[str]:
    """Yield forms that are the number or are refused."""
    number = phonenumbers.parse(e164)
    national = phonenumbers.national_significant_number(number)
    prefix = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or ""
    local = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    texts = {
        e164,
        e164[1:],
        national,
        prefix + national,
        local,
        f"00{e164[1:]}",
        f"0011{e164[1:]}",
        f"+00{e164[1:]}",
        f"+{number.country_code} (0) {national}",
    }
    texts |= {
        phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL),
        local.lstrip("0"),
        f"+{national}"[1:],
    }
    for text in texts:
        yield text
        yield from _as_people_change(text)
    for digits in (e164[1:], national, prefix + national):
        yield from _as_spreadsheets_print(int(digits))
        yield from _as_programs_print(int(digits))


def _as_people_change(text: str) -> Iterator[str]:
    for mark in " .-/\u2013\u00a0~_'\u2019,":
        yield text.replace(" ", mark).replace("-", mark)
    for end in (
        "-9",
        "/9",
        " 9",
        " / 9",
        "-89",
        "/89",
        "-8901",
        " Eva",
        " (Eva)",
        " (9)",
        "E",
        "x",
        " ext. 5",
        ";ext=5",
        ";5",
        "..",
        ".",
    ):
        yield text + end
    for start in ("'", '="', "-", "/", "Tel. ", "tel:", "mobil ", "WhatsApp:", "\u202e", "\u200e", "#", "++"):
        yield start + text
    for between in (";", ",", " / ", "/", "|", " ", "\n", " oder ", "&", "\u3001", "\uff0c", "-", " - ", "+", " +"):
        yield f"{text}{between}{text}"


def _as_spreadsheets_print(value: int) -> Iterator[str]:
    thousands = f"{value:,}"
    yield from (thousands, thousands.replace(",", "."), thousands.replace(",", "\u202f"), thousands.replace(",", "'"))
    yield from (f"{thousands}.00", f"{thousands.replace(',', '.')},00", f"{value},0", f"{value},00", f"{value}.")
    yield from (
        f"{value:.2E}",
        f"{value:.2E}".replace(".", ","),
        f"{value:.5E}",
        f'="{value}"',
        f"{value}%",
        f"-{value}",
    )
    yield from (
        f"{float(f'{value:.15g}'):.0f}",
        f"{value:.4e}".replace("e+", "\u00d710^"),
        f"{value:.9E}".replace("E+", "x10"),
    )
    yield from (
        f"{value / 1e3:.3f}",
        f"{value / 1e6:.6f}",
        f"{value / 1e9:.9f}",
        f"{value / 1e6:.4f}E6",
        f"{value}\u20ac",
    )


def _as_programs_print(value: int) -> Iterator[str]:
    yield from (
        str(value),
        repr(float(value)),
        f"{float(value):.2f}",
        f"{value}.5",
        f"{value}.50",
        f"{value}.05",
        f"{value}L",
    )
    yield from (f"{value:e}", f"{value:g}", f"{value:.10g}", f"{value:_}", hex(value), f"Decimal('{value}')")
    yield from (f"['{value}']", f"b'{value}'", f'"{value}"', f"{value}n", f"np.int64({value})")
    yield from (_java_double(value), _java_double(value).lower(), _java_double(value).replace("E", "E+"))
    yield from (_java_double(value).translate(_DIGITS), _java_double(value).replace("E", " E"))


def _java_double(value: int) -> str:
    """Return a whole number as `Double.toString` of Java prints it."""
    if value < 10**7:
        return f"{value}.0"
    digits = str(value).rstrip("0")
    return f"{digits[0]}.{digits[1:] or '0'}E{len(str(value)) - 1}"
