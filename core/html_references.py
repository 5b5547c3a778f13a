"""Decoding of character references of HTML, such as `&amp;` and `&#65;`."""

import re
from html import unescape

_NUMBER = re.compile(r"&#(?:([xX])0*+([0-9A-Fa-f]*+)|0*+([0-9]*+));?")
_MAX_DIGITS = 7
"""Maximum number of digits of a code point, without zeros in front of it. The largest are 1114111 and 10FFFF."""


def decode_references(text: str) -> str:
    """Return the text with its references decoded, as a browser does. A number that is no character becomes U+FFFD.

    `html.unescape` alone raises ValueError for a number of more than 4,300 digits.
    """
    if "&" not in text:
        return text
    return unescape(_NUMBER.sub(_shorten, text) if "&#" in text else text)


def _shorten(reference: re.Match[str]) -> str:
    """Return a numeric reference with at most a few digits, so that it can be decoded."""
    if len(reference[0]) <= _MAX_DIGITS:
        return reference[0]
    digits = reference[2] or reference[3]
    return "\ufffd" if len(digits) > _MAX_DIGITS else f"&#{reference[1] or ''}{digits or '0'};"
