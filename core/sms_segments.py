"""Segments of an SMS: the messages into which the network splits a text, as providers count and bill them.

The alphabets are those of 3GPP TS 23.038, without national shift tables. A text that fits into GSM-7 is sent so.
Any other text is sent as UCS-2. A text of several segments has a header of 6 bytes in each (3GPP TS 23.040, an 8-bit
reference number).
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from schemas.statuses import SmsEncoding

_BASIC = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 7 bit default alphabet in the order of its codes, without the escape (1B)."""
_EXTENSION = "\f^{}\\[~]|€"
"""Characters of its extension table. Each is sent as an escape and a code, which are two septets."""
_ESCAPE = "\x1b"
_HIGH_SURROGATE = 0xD8
"""First byte of the first of two code units, without its last two bits."""
_GSM_7 = re.compile(f"[{re.escape(_BASIC + _EXTENSION)}]*+")


MAX_UNITS = {SmsEncoding.GSM_7: (160, 153), SmsEncoding.UCS_2: (70, 67)}
"""Maximum number of units in a single segment, and in each of several segments.

A unit is a septet of GSM-7 or a code unit (two bytes) of UCS-2.
"""


class SmsSegments(NamedTuple):
    """Encoding of a text, and the number of segments that it takes."""

    encoding: SmsEncoding
    segments: int


_ONE_SEGMENT = SmsSegments(SmsEncoding.GSM_7, 1)


def count_segments(text: str) -> SmsSegments:
    """Return encoding and number of segments of a text. An empty text takes one segment.

    The two septets of an extended character stay in one segment, and so do the two code units of a character beyond
    the BMP. The time grows with the length of the text.
    """
    if _GSM_7.fullmatch(text):
        if len(text) <= MAX_UNITS[SmsEncoding.GSM_7][0] // 2:  # Even two septets each fit into one segment.
            return _ONE_SEGMENT
        septets = text
        for character in filter(text.__contains__, _EXTENSION):
            septets = septets.replace(character, _ESCAPE + character)
        return _split(SmsEncoding.GSM_7, len(septets), lambda at: septets[at] == _ESCAPE)
    units = text.encode("utf-16-be", "surrogatepass")
    return _split(SmsEncoding.UCS_2, len(units) // 2, lambda at: units[2 * at] & 0xFC == _HIGH_SURROGATE)


def _split(encoding: SmsEncoding, units: int, begins_pair: Callable[[int], bool]) -> SmsSegments:
    """Count the segments. `begins_pair` tells whether the unit at a position must be followed by the next one."""
    single, each = MAX_UNITS[encoding]
    if units <= single:
        return SmsSegments(encoding, 1)
    segments = at = 0
    while at < units:
        at += each
        if at < units and begins_pair(at - 1):
            at -= 1
        segments += 1
    return SmsSegments(encoding, segments)
