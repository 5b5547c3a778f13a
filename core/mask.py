"""Addresses as logs, events and errors show them: enough to recognise one's own, too little to write to another's (I9).

What is hidden is always written as the same few stars, so that its length is hidden too.
"""

_CHINESE_MOBILE = 14
"""The length of a mobile number of +86, plus and calling code included."""

_LONGEST = 16
"""The length of the longest E.164: the plus and 15 digits (ITU-T E.164, 6.1)."""

_LONGEST_EMAIL = 254
"""The length of the longest normalised address (RFC 5321, 4.5.3.1.3, without its angle brackets)."""


def _kept(length: int) -> tuple[int, int]:
    """Where the hidden part of an E.164 of this length begins and ends: half of it at least, four digits at least."""
    digits = length - 1
    shown = max(0, min(digits // 2, digits - 4))
    head = shown // 2
    return 1 + head, length - (shown - head)


_KEPT = tuple(_kept(length) for length in range(_LONGEST + 1))


def mask_phone(e164: str) -> str:
    """A number in E.164, masked: `+49****567`, and a Chinese mobile number as it is known there, `138****8000`."""
    length = len(e164)
    if length == _CHINESE_MOBILE and e164[:4] == "+861":
        return f"{e164[3:6]}****{e164[-4:]}"
    if length > _LONGEST or e164[:1] != "+":
        return mask_raw(e164)
    begin, end = _KEPT[length]
    return f"{e164[:begin]}****{e164[end:]}"


def mask_email(email: str) -> str:
    """A normalised address, masked: `a***@example.com`. A local part of one letter is hidden whole."""
    local, at, domain = email.rpartition("@")
    if not at or len(email) > _LONGEST_EMAIL or not email.isprintable():
        return mask_raw(email)
    return f"{local[0]}***@{domain}" if len(local) > 1 else f"***@{domain}"


def mask_raw(raw: str) -> str:
    """What was given for an address and is none: its first and last character at most, five characters in all.

    A character that does not print is not shown either, and of what is shorter than six characters nothing is.
    """
    if len(raw) < 6:
        return "***"
    first, last = raw[0], raw[-1]
    return f"{first if first.isprintable() else '?'}***{last if last.isprintable() else '?'}"
