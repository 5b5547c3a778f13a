"""Ids in a large record that cannot be used. Parsed, 16 MiB of empty lists take 400 MiB."""

import re
from collections.abc import Collection

import orjson

MAX_TOKENS = 200_000
"""Maximum number of texts and brackets that are looked at. The ids usually come first."""

_MAX_TEXT_BYTES = 1_000
"""Maximum size of a token that is decoded, in bytes. An id has 128 characters at most, each of six bytes at most."""

_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)|[{}\[\]]', re.DOTALL)
"""A bracket, or a text. A text without an end is one token too. Each of its quotes would begin a search of its own."""
_COLON = re.compile(rb"\s{0,100}:\s{0,100}")
_NUMBER = re.compile(rb"-?[0-9][0-9.eE+-]{0,127}(?=[\s,}])")


def read_scalars(value: bytes, names: Collection[str]) -> dict[str, str]:
    """Return the named fields of the JSON object that are texts or numbers, as far as they can be found.

    A number is returned with the characters that the caller wrote.
    """
    found: dict[str, str] = {}
    depth, wanted, wanted_at = 0, "", -1
    for count, token in enumerate(_TOKEN.finditer(value)):
        if count >= MAX_TOKENS or len(found) == len(names):
            break
        match value[token.start()]:
            case 0x7B | 0x5B:  # an object or a list begins
                depth += 1
            case 0x7D | 0x5D:
                depth -= 1
            case _ if depth == 1 and token.start() == wanted_at:
                found.setdefault(wanted, _decode(token))
            case _ if depth == 1 and (colon := _COLON.match(value, token.end())):
                name = _decode(token)
                wanted, wanted_at = (name, colon.end()) if name in names else ("", -1)
                if wanted and (number := _NUMBER.match(value, wanted_at)):
                    found.setdefault(wanted, number[0].decode())
    return {name: text for name, text in found.items() if text}


def _decode(token: re.Match[bytes]) -> str:
    """Return the text of a token, or an empty one if it is too long for an id or the name of a field."""
    if token.end() - token.start() > _MAX_TEXT_BYTES:
        return ""
    try:
        return str(orjson.loads(token[0]))
    except orjson.JSONDecodeError:
        return ""
