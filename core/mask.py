"""Masking of addresses in logs, events and errors (I9).

A masked address is enough to recognise a known address, and too little to write to an unknown one. The hidden part is
always the same few stars, so that its length is hidden too.
"""

_CHINESE_MOBILE = 14
"""Length of a mobile number of +86, in characters, including the plus and the calling code."""

_LONGEST = 16
"""Maximum length of a number in E.164, in characters: the plus and 15 digits (ITU-T E.164, 6.1)."""

_LONGEST_EMAIL = 254
"""Maximum length of a normalised address, in characters (RFC 5321, 4.5.3.1.3, without the angle brackets)."""


def _hidden_bounds(length: int) -> tuple[int, int]:
    """Return the bounds of the hidden part of a number of this length. It is at least half and at least four digits."""
    digits = length - 1
    shown = max(0, min(digits // 2, digits - 4))
    head = shown // 2
    return 1 + head, length - (shown - head)


_HIDDEN_BOUNDS = tuple(_hidden_bounds(length) for length in range(_LONGEST + 1))


def mask_phone(e164: str) -> str:
    """Mask a number in E.164: `+49****567`. A Chinese mobile number is masked as usual in China: `138****8000`."""
    length = len(e164)
    if length == _CHINESE_MOBILE and e164[:4] == "+861":
        return f"{e164[3:6]}****{e164[-4:]}"
    if length > _LONGEST or e164[:1] != "+":
        return mask_raw(e164)
    begin, end = _HIDDEN_BOUNDS[length]
    return f"{e164[:begin]}****{e164[end:]}"


def mask_email(email: str) -> str:
    """Mask a normalised address: `a***@example.com`. A local part of one letter is hidden completely."""
    local, at, domain = email.rpartition("@")
    if not at or len(email) > _LONGEST_EMAIL or not email.isprintable():
        return mask_raw(email)
    return f"{local[0]}***@{domain}" if len(local) > 1 else f"***@{domain}"


def mask_raw(raw: str) -> str:
    """Mask text that is not a valid address. At most its first and last character are shown, five characters in all.

    A character that is not printable is hidden too. Text of fewer than six characters is hidden completely.
    """
    if len(raw) < 6:
        return "***"
    first, last = raw[0], raw[-1]
    return f"{first if first.isprintable() else '?'}***{last if last.isprintable() else '?'}"
