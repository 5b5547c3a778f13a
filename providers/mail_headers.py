"""Headers of an e-mail as folded lines, within the limits of RFC 5321 (998 octets a line) and RFC 2047.

The library `email` does not keep these limits for all inputs, and takes a hundred times as long. Where it does, the
bytes are the same (docs/decisions/0046-a-mail-is-made-once-for-a-request.md).
"""

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator

MAX_LINE = 998
"""Maximum length of a line, in octets without its CRLF (RFC 5322, 2.1.1)."""
_LINE = 76
"""Length at which a line is folded, in characters: the maximum for a line with an encoded word (RFC 2047, 2)."""
_WORD = 75
"""Maximum length of an encoded word, in characters (RFC 2047, 2)."""

_UNCHANGED = re.compile(r"[!-~]+(?: [!-~]+)*")
"""Pattern of ASCII text that folding and unfolding do not change."""
_PHRASE = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
"""Pattern of a display name that needs no quotes (RFC 5322, 3.2.5)."""
_ENCODED = "=?utf-8?{}?{}?="
_AROUND = len(_ENCODED.format("q", ""))
_PLAIN = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!*+-/"
"""Characters that an encoded word may hold as they are, also in a display name (RFC 2047, 5)."""
_QUOTED = {byte: chr(byte) if byte in _PLAIN else f"={byte:02X}" for byte in range(256)} | {0x20: "_"}


class HeaderTooLongError(ValueError):
    """Error for a value that cannot be folded into lines of MAX_LINE octets. It shows no value."""


def fold(name: str, words: Iterable[str]) -> str:
    """Return a header that is folded between words. Raise HeaderTooLongError.

    The first word stays beside the name. Some readers take an empty first line for an empty value or a blank.
    """
    first, *others = words
    lines, line = [], f"{name}: {first}"
    if not others and len(line) <= _LINE:
        return line
    for word in others:
        if len(line) + 1 + len(word) > _LINE:
            lines.append(line)
            line = ""
        line += f" {word}"
    lines.append(line)
    if any(len(one.encode()) > MAX_LINE for one in lines):
        raise HeaderTooLongError(name)
    return "\r\n".join(lines)


def text_header(name: str, text: str) -> str:
    """Return a header with free text, such as a subject. Raise UnicodeError for a lone surrogate."""
    room = _LINE - len(name) - 2
    if len(text) <= room and _UNCHANGED.fullmatch(text) and "=?" not in text:
        return f"{name}: {text}"
    words = text.split(" ")
    is_plain = not text or (_UNCHANGED.fullmatch(text) and "=?" not in text)
    if is_plain and len(words[0]) <= room and max(map(len, words)) < _LINE:
        return fold(name, words)
    return fold(name, _encoded_words(text, room))


def mailbox_words(header: str, name: str, address: str) -> Iterator[str]:
    """Yield a mailbox with its display name as words of a header. Raise UnicodeError for a lone surrogate."""
    if name:
        room = _LINE - len(header) - 2
        phrase = name if _PHRASE.fullmatch(name) else '"{}"'.format(re.sub(r'[\\"]', r"\\\g<0>", name))
        if _UNCHANGED.fullmatch(name) and "=?" not in name and len(phrase) <= room:
            yield phrase
        else:
            yield from _encoded_words(name, room)
    yield f"<{address}>" if name else address


def _encoded_words(text: str, room: int) -> Iterator[str]:
    """Yield the text as encoded words of whole characters, in the shorter of the two encodings.

    `room` is the maximum length of the first word, in characters.
    """
    raw = text.encode()
    as_base64 = (len(raw) + 2) // 3 * 4 < len(raw) + 2 * len(raw.translate(None, _PLAIN + b" "))
    begin = filled = 0
    for end, character in enumerate(text):
        size = len(character.encode()) if as_base64 else len(_quote(character))
        if filled + size > ((room - _AROUND) // 4 * 3 if as_base64 else room - _AROUND):
            yield _encoded_word(text[begin:end], as_base64=as_base64)
            begin, filled, room = end, 0, _WORD
        filled += size
    yield _encoded_word(text[begin:], as_base64=as_base64)


def _encoded_word(text: str, *, as_base64: bool) -> str:
    return _ENCODED.format(*(("b", b64encode(text.encode()).decode()) if as_base64 else ("q", _quote(text))))


def _quote(text: str) -> str:
    return "".join(map(_QUOTED.__getitem__, text.encode()))
