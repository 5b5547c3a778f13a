"""Places of the placeholders in a text: in running text, in an attribute of HTML, or in a part of a URL.

Each place needs another conversion of its values (core/value_conversion.py). The places are found once for each
request, in time that grows with the length of the text.
"""

import re
from collections.abc import Iterator, Sequence
from enum import Enum, auto

from core.render_html import find_attributes, scan_html


class Place(Enum):
    """Place of a placeholder."""

    TEXT = auto()
    """Running text."""
    MARKUP = auto()
    """Quoted attribute, preformatted text, title, comment, style, script, or a place that is not understood."""
    BARE_ATTRIBUTE = auto()
    """Attribute without quotes."""
    BARE_VALUE = auto()
    """Whole value of an attribute without quotes."""
    LINK = auto()
    """Begin of a URL. The value holds the scheme, and perhaps the whole URL."""
    ADDRESS = auto()
    """Place in the host of a URL, or right behind a value that began it. The value may hold host, path and query."""
    PATH = auto()
    """Place further on in a URL, before a query."""
    QUERY = auto()
    """Place behind a `?`, `#` or `=` of a URL."""


MARK = "\ufdd0"
"""Character that stands for a placeholder while the places are found. No script has this character."""
_NO_MARK = "\ufdd1"
_MARKS = re.compile(MARK)

_URL_ATTRIBUTES = frozenset(
    {"href", "src", "action", "formaction", "background", "cite", "poster", "longdesc", "xlink:href", "data"}
)
_PREFORMATTED = frozenset({"pre", "xmp", "listing", "textarea"})
_AUTHORITY = re.compile(r"(?:[A-Za-z][A-Za-z0-9+.-]*+:|:)?//(.*)", re.DOTALL)
_QUERY = re.compile(r"[?#=]")
_LETTERS = "\u00c0-\u024f\u0370-\u052f"
"""Letters of Latin, Greek and Cyrillic beyond ASCII. Other scripts may go on right behind a URL, without a blank."""
_RUN = re.compile(
    rf"(?:://(?:[\w-]++\.)++[\w-]++(?=[/?#:])|(?![,;!]{MARK})[A-Za-z0-9._~:/?#@!$&*+,;=%{MARK}{_LETTERS}-])++"
)
"""URL in running text, with a host in any script.

A quote, a bracket or a letter of another script ends it. So does a comma right before a placeholder, because not all
people write a blank after a comma.
"""
_URL = re.compile(r"[a-z][a-z0-9+.-]{0,20}://|(?<![a-z0-9])www\.|\?[\w.-]{1,50}=", re.IGNORECASE)
"""Begin of a URL in running text, or of its query if a value holds all that stands before."""


def places_in_text(texts: Sequence[str]) -> list[Place]:
    """Return the place of each placeholder of a plain text. `texts` are the texts before, between and after them."""
    if len(texts) == 1:
        return []
    source = join_texts(texts)
    return _in_order(source, _places_in_urls(source, 0, len(source)), Place.TEXT)


def places_in_html(texts: Sequence[str]) -> list[Place]:
    """Return the place of each placeholder of an HTML text. `texts` are the texts before, between and after them."""
    if len(texts) == 1:
        return []
    source = join_texts(texts)
    return _in_order(source, _places_in_html(source), Place.MARKUP)


def join_texts(texts: Sequence[str]) -> str:
    """Return the texts with a mark for each placeholder between them."""
    return MARK.join(text.replace(MARK, _NO_MARK) for text in texts)


def _in_order(source: str, places: Iterator[tuple[int, Place]], otherwise: Place) -> list[Place]:
    by_position = dict(places)
    return [by_position.get(mark, otherwise) for mark in find_marks(source)]


def find_marks(source: str) -> list[int]:
    """Return the positions of the placeholders in joined texts."""
    return [mark.start() for mark in _MARKS.finditer(source)]


def _places_in_html(html: str) -> Iterator[tuple[int, Place]]:
    places: list[tuple[int, Place]] = []
    preformatted: list[str] = []

    def read_text(text: str, begin: int) -> None:
        if MARK not in text:
            return
        end = begin + len(text)
        if not preformatted:
            places.extend((mark.start(), Place.TEXT) for mark in _MARKS.finditer(html, begin, end))
        places.extend(_places_in_urls(html, begin, end))

    def read_tag(name: str, token: re.Match[str]) -> None:
        if name in _PREFORMATTED:
            preformatted[:] = [] if token["end"] else [name]
        if MARK in token[0]:
            places.extend(_places_in_tag(html, *token.span("attributes")))

    scan_html(html, read_text, read_tag, within_conditions=True)
    return iter(places)


def _places_in_tag(html: str, begin: int, end: int) -> Iterator[tuple[int, Place]]:
    for name, at, value, is_quoted in find_attributes(html, begin, end):
        if name in _URL_ATTRIBUTES:
            yield from _places_in_url(value, at)
            continue
        if not is_quoted:
            place = Place.BARE_VALUE if value == MARK else Place.BARE_ATTRIBUTE
            yield from ((at + mark.start(), place) for mark in _MARKS.finditer(value))
        yield from _places_in_urls(html, at, at + len(value))


def _places_in_urls(text: str, begin: int, end: int) -> Iterator[tuple[int, Place]]:
    """Yield the placeholders in the URLs of running text."""
    for run in _RUN.finditer(text, begin, end):
        if MARK in run[0] and (url := _URL.search(run[0])) is not None:
            yield from _places_in_url(run[0][url.start() :], run.start() + url.start())


def _places_in_url(url: str, at: int) -> Iterator[tuple[int, Place]]:
    *pieces, _ = url.split(MARK)
    place, is_host = Place.LINK, False
    for piece in pieces:
        at += len(piece)
        if _QUERY.search(piece):
            place = Place.QUERY
        elif piece.strip() and place in {Place.LINK, Place.ADDRESS}:
            begun = None if is_host else _AUTHORITY.match(piece.lstrip())
            is_host = is_host or begun is not None
            rest = begun[1] if begun else piece
            place = Place.ADDRESS if is_host and "/" not in rest else Place.PATH
        yield at, place
        at += 1
        place = Place.ADDRESS if place is Place.LINK else place
