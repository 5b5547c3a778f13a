"""Strict reader of an e-mail's headers: the limits of RFC 5322 and RFC 2047, and the text behind encoded words."""

import re
from base64 import b64decode
from quopri import decodestring

_WORD = re.compile(r"=\?([A-Za-z0-9-]+)\?([bqBQ])\?([!->@-~]*)\?=")
_BETWEEN_WORDS = re.compile(r"(?<=\?=)[ \t]+(?==\?)")


def read_headers(content: bytes) -> dict[str, str]:
    """Return the headers, unfolded and decoded. Assert that every line and encoded word is within its limits."""
    head = content.partition(b"\r\n\r\n")[0].decode()
    headers: dict[str, str] = {}
    for header in re.split(r"\r\n(?![ \t])", head):
        lines = header.split("\r\n")
        for number, line in enumerate(lines):
            assert line.strip(), "a line of a header must not be blank"
            assert len(line.encode()) <= 998
            assert line == line.rstrip() or header == f"{header.partition(':')[0]}: "
            words = line.partition(":")[2].split() if number == 0 else line.split()
            assert len(line) <= 78 or len(words) == 1, f"a line could have been folded: {line}"
            assert len(line) <= 76 or "=?" not in line
        name, _, value = header.replace("\r\n", "").partition(":")
        assert name not in headers
        headers[name] = _decode(value.strip())
    return headers


def _decode(value: str) -> str:
    """Return a value with its encoded words decoded one by one, so that none may hold half a character."""
    for word in value.split():
        assert not word.startswith("=?") or (_WORD.fullmatch(word) and len(word) <= 75), word
    return _WORD.sub(_decode_word, _BETWEEN_WORDS.sub("", value))


def _decode_word(word: re.Match[str]) -> str:
    charset, encoding, text = word.groups()
    raw = b64decode(text, validate=True) if encoding in "bB" else decodestring(text.replace("_", " "))
    return raw.decode(charset)
