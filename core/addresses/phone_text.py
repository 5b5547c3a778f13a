"""Strict reading of a phone number as people, spreadsheets and programs write it.

`phonenumbers.parse` looks for a number in any text. It turns letters into digits, drops other characters and cuts the
text off. Here, every character must be a digit of any script, one plus in front, or in the closed list below. Other
text is refused, so that a message never goes to another number. docs/sending.md has the list for callers.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import NamedTuple

from core.addresses.control_characters import INVISIBLE, REVERSING, has_control
from core.addresses.problems import AddressProblem

_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u30fc\ufe63\uff0d"
_ALIKE = {**dict.fromkeys(_DASHES, "-"), "\uff0b": "+", "\uff08": "(", "\uff09": ")", "\uff0e": ".", "\uff0f": "/"}
_INVISIBLE = re.compile(f"[{INVISIBLE}]+")
_INVISIBLE_IN_DIGITS = re.compile(rf"(?<=\d){_INVISIBLE.pattern}(?=\d)")
"""Invisible characters that may end a number, so that digits behind them may belong to a second one."""

_TEL = re.compile(r"tel: ?", re.IGNORECASE)
_EXTENSION = re.compile(r" ?(?:ext(?:ension|n)?\.?|x(?! ?10[0-9]?\Z)|#) ?[0-9]{1,6}\Z", re.IGNORECASE)
"""Extension behind a number. It is left out, because a text goes to the number itself. `x103` may be an exponent."""

_DIGITS = re.compile(r"\+?[0-9]+")
_DATE = re.compile(r"(?:19|20)[0-9]{2}-[01][0-9]-[0-3][0-9]")
_WHOLE_FLOAT = re.compile(r"(\+?[0-9]+)\.00?")
_PLUS_IN_PARENTHESES = re.compile(r"\(\+([0-9]{1,4})\)")
_TRUNK = re.compile(r"(?:\A|(?<=[0-9])[ .\-/]*)\(0\)[ .\-/]*(?=[0-9(])")
_AREA = re.compile(r"\A([0-9]{0,4})[ .\-/]*\(([0-9]{1,6}|[0-9]{1,2}[ -][0-9]{1,4})\)[ .\-/]*(?=[0-9]{2})")
_SPACES = re.compile(" {2,}")
# Each text of at most one space in a row matches in one way only, so that a hostile text costs linear time.
_GROUPS = re.compile(r"[0-9]++(?:(?: ?[.\-/] ?| )[0-9]++)*+")
_SEPARATOR = re.compile(r" ?[.\-/] ?| ")

_EXPONENT = re.compile(
    r"(?<![0-9])[0-9]++(?:[.,][0-9]*+)? ?(?:e|(?:[x\u00d7*\u00b7\u22c5] ?10)) ?\^? ?[-+]? ?[0-9]", re.IGNORECASE
)
_BETWEEN_NUMBERS = re.compile(r"[;,/|&:+\u3001\\]")
_FRACTION = re.compile(r"\+?[0-9]+[.,\u066b\u00b7][0-9]*|.*[.,\u066b\u00b7][0-9]{1,2}")
_LISTED = re.compile(r"[0-9 .()/+-]*")

_MAX_EXACT_DIGITS = 15
"""Number of decimal digits that a double always holds exactly, and maximum number of digits of E.164."""
_FEWEST_DIGITS = 4
"""Minimum number of digits that count as a number of its own."""
_SHORTEST_END = 5
"""Minimum number of digits behind an area code that a slash or a single dot separates."""


class NumberText(NamedTuple):
    """A number that was written with characters of the list only."""

    readings: Sequence[str]
    """Digits in ASCII, with a plus in front of an international number. Only one reading may be a valid number."""
    first: str | None = None
    """Digits before the last dash or slash. They must not be a valid number, because the rest may be a second one."""


def read_number(raw: str) -> NumberText | AddressProblem:
    """Return the possible readings of a number, or the reason why the text is not a number."""
    if _DIGITS.fullmatch(raw):
        return NumberText((raw,))
    if has_control(raw):
        return AddressProblem.CONTROL_CHARACTER
    if REVERSING in raw:
        return AddressProblem.RIGHT_TO_LEFT
    visible = _INVISIBLE_IN_DIGITS.sub(" ", raw)
    text = _SPACES.sub(" ", "".join(map(_simplified, _INVISIBLE.sub("", visible)))).strip(" ")
    text = _TEL.sub("", text, count=1) if _TEL.match(text) else text
    if _DATE.fullmatch(text):
        return AddressProblem.DATE
    if whole := _WHOLE_FLOAT.fullmatch(text):
        return _read_float(whole[1]) if len(whole[1]) <= _MAX_EXACT_DIGITS else AddressProblem.FRACTION
    text = _EXTENSION.sub("", text, count=1)
    return _read_groups(text) or _problem_of(text)


def _simplified(char: str) -> str:
    """Return a character in ASCII if it is a digit, a blank, a dash or a mark that only looks wider."""
    if char.isascii():
        return char
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.decimal(char))
    return " " if category == "Zs" else _ALIKE.get(char, char)


def _read_float(number: str) -> NumberText:
    """Return the readings of a whole number that was printed as a float, such as `1712345678.0`.

    A number without plus may have lost zeros in front, unless one is left. A double holds fifteen digits exactly.
    """
    return NumberText((number,) if number[0] in "+0" else (number, f"0{number}", f"00{number}"))


def _read_groups(text: str) -> NumberText | None:
    """Return the readings of a number with separators, or None if a character or its place is not in the list."""
    plus, text = _split_plus(text)
    trunk = _TRUNK.search(text)
    digits_before_trunk = sum(map(str.isdigit, text[: trunk.start()])) if trunk else 0
    text = _TRUNK.sub(" ", text, count=1)
    text = _AREA.sub(r"\1 \2 ", text, count=1).strip(" ")
    if not _GROUPS.fullmatch(text):
        return None
    groups = _SEPARATOR.split(text)
    separators = [match[0].strip(" ") or " " for match in _SEPARATOR.finditer(text)]
    if not _separators_are_certain(plus, groups, separators):
        return None
    digits = "".join(groups)
    readings = [plus + digits]
    if trunk:
        readings.append(f"{plus}{digits[:digits_before_trunk]}0{digits[digits_before_trunk:]}")
    return NumberText(readings, plus + "".join(groups[:-1]) if separators[-1:] in (["-"], ["/"]) else None)


def _split_plus(text: str) -> tuple[str, str]:
    """Return the plus or nothing, and the text without it. The plus may be in parentheses with the calling code."""
    if text.startswith("+"):
        return "+", text[1:].lstrip(" ")
    if start := _PLUS_IN_PARENTHESES.match(text):
        return "+", f"{start[1]} {text[start.end() :].lstrip(' ')}"
    return "", text


def _separators_are_certain(plus: str, groups: Sequence[str], separators: Sequence[str]) -> bool:
    """Return whether the separators can only be those within one number."""
    if separators.count("/") > 1:
        return False
    for mark in "/.":
        # A slash may be followed by a second number or by its last digits, a single dot by a decimal fraction.
        if separators.count(mark) == 1 and not _follows_area_code(plus, groups, separators.index(mark) + 1):
            return False
    return len(groups) == 1 or len(groups[-1]) > 2 or _ends_in_pairs(groups, separators)


def _ends_in_pairs(groups: Sequence[str], separators: Sequence[str]) -> bool:
    """Return whether a short group at the end belongs to the number. In 2345678-80 it is the end of a range."""
    if len(groups) < 3 or separators[-1] != separators[-2]:
        return False
    longest_before = 3 if separators[-1] == " " else 2
    return len(groups[-1]) == 2 and len(groups[-2]) <= longest_before


def _follows_area_code(plus: str, groups: Sequence[str], at: int) -> bool:
    """Return whether only an area code precedes a group, and the rest of the number follows."""
    before, after = "".join(groups[:at]), "".join(groups[at:])
    longest = 8 if plus else 6 if before.startswith("0") else 4
    shortest = 1 if plus else 2
    return shortest <= len(before) <= longest and len(after) >= _SHORTEST_END


def _problem_of(text: str) -> AddressProblem:
    """Return the reason why a text is not a phone number."""
    compatible = unicodedata.normalize("NFKC", text)
    if not any(char.isdigit() for char in compatible):
        return AddressProblem.LETTERS if any(map(str.isalpha, compatible)) else AddressProblem.NO_DIGIT
    if _EXPONENT.search(compatible):
        return AddressProblem.EXPONENT
    if any(char.isalpha() for char in compatible):
        return AddressProblem.LETTERS
    if sum(sum(map(str.isdigit, piece)) >= _FEWEST_DIGITS for piece in _BETWEEN_NUMBERS.split(compatible)) > 1:
        return AddressProblem.TWO_NUMBERS
    if _FRACTION.fullmatch(compatible):
        return AddressProblem.FRACTION
    if not _LISTED.fullmatch(compatible):
        return AddressProblem.OTHER_CHARACTER
    return AddressProblem.TWO_NUMBERS if _GROUPS.fullmatch(compatible.lstrip("+ ")) else AddressProblem.WRONG_PLACE
