"""Scanner of HTML.

It reads HTML in linear time. `html.parser` of Python 3.11 takes 4 s for 20 KB of unclosed tags, and
four times as long for twice as much. One e-mail of a caller could stop a process with it.
It follows the HTML standard as far as e-mails need it: an element that is not closed ends with the document,
and comments and scripts contain no tags.
"""

import re
from collections.abc import Callable, Iterator
from html.entities import html5

from core.html_references import decode_references

# Each alternative consumes all that it read, or reads no further than the next "<". This keeps the scan linear.
_CONDITION = r"<!--\[if\b[^<>]*+>|"
"""Begin of a conditional comment. Outlook reads its content as HTML, and all others read it as a comment."""
_TOKENS = r"""
    (?P<text>(?:[^<]++|<(?![A-Za-z/!?]))++)
    | <!--(?:-?>|.*?(?:--!?>|\Z))
    | <(?P<end>/?)(?P<name>[A-Za-z][^\s/<>]*+)(?P<attributes>(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>
    | <[^<>]*+>?
    """
_TOKEN = re.compile(_TOKENS, re.DOTALL | re.VERBOSE)
_TOKEN_WITHIN_CONDITIONS = re.compile(_CONDITION + _TOKENS, re.DOTALL | re.VERBOSE)
_ATTRIBUTE = re.compile(r"""([^\s=/"'<>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?""")
_REFERENCE = re.compile(r"&(?:#[0-9]++|#[xX][0-9A-Fa-f]++|([A-Za-z][A-Za-z0-9]{1,31}+));")
_BARE = 4
"""Group of a value without quotes."""

_UNSEEN = frozenset({"script", "style", "title", "template"})


def scan_html(
    html: str,
    on_text: Callable[[str, int], None],
    on_tag: Callable[[str, re.Match[str]], None],
    *,
    within_conditions: bool = False,
) -> None:
    """Call `on_text` with each text that is shown and its position, and `on_tag` with the name of each tag, in order.

    A tag has the groups `end` and `attributes`. With `within_conditions`, the content of conditional comments is read.
    """
    match, at = (_TOKEN_WITHIN_CONDITIONS if within_conditions else _TOKEN).match, 0
    while (token := match(html, at)) is not None:
        begin, at = at, token.end()
        text, name = token["text"], token["name"]
        if text is not None:
            on_text(text, begin)
        elif name is not None:
            name = name.lower()
            on_tag(name, token)
            if name in _UNSEEN and not token["end"]:
                at = _end_of(name, html, at)


def find_attributes(html: str, begin: int = 0, end: int | None = None) -> Iterator[tuple[str, int, str, bool]]:
    """Yield the name of each attribute that has a value, the position of the value, the value, and if it has quotes."""
    for found in _ATTRIBUTE.finditer(html, begin, len(html) if end is None else end):
        if found.lastindex != 1:
            value = found.lastindex or 0
            yield found[1].lower(), found.start(value), found[value], value != _BARE


def _end_of(name: str, html: str, at: int) -> int:
    """Return the position of the end tag of an element without inner tags, or the end of the document."""
    end_tag = re.compile(rf"(?i)</{name}\b").search(html, at)
    return end_tag.start() if end_tag else len(html)


def decode_attribute(value: str) -> str:
    """Return the value of an attribute with its references decoded."""
    return _REFERENCE.sub(_decode, value)


def _decode(reference: re.Match[str]) -> str:
    """Decode a reference in an attribute. Without a semicolon it is none: `?a=1&region=DE` has no `&reg` in it."""
    return decode_references(reference[0]) if reference[1] is None else html5.get(f"{reference[1]};", reference[0])
