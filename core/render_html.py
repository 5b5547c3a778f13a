"""Text part of an HTML e-mail.

Our own scanner reads the HTML in linear time. `html.parser` of Python 3.11 takes 4 s for 20 KB of unclosed tags, and
four times as long for twice as much. One e-mail of a caller could stop a process with it.
The scanner follows the HTML standard as far as e-mails need it: an element that is not closed ends with the document,
and comments and scripts contain no tags.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
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
_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre", "hr"})
_LINES = frozenset(
    {"address", "article", "aside", "body", "center", "dd", "div", "dt", "fieldset", "figcaption", "figure", "footer"}
    | {"form", "header", "html", "li", "main", "nav", "section", "tbody", "tfoot", "thead", "tr"}
)
_CELLS = frozenset({"td", "th"})
_NOT_SHOWN = re.compile(r"(?i)(?:#|javascript:|data:|\Z)")


def html_to_text(html: str) -> str:
    """Convert HTML to plain text. Blocks become lines, a link `text (url)`, and an image its alternative text.

    The conversion never fails. Broken HTML is read much as a browser reads it. A placeholder in text or in the address
    of a link stays a placeholder. So the text part of a template is built once, before it is rendered.
    """
    writer = _Writer()

    def write_text(text: str, _: int) -> None:
        write = writer.lines if writer.preformatted else writer.text
        write(decode_references(text))

    scan_html(html, write_text, partial(_write_tag, writer))
    writer.end_link()
    return "".join(writer.pieces)


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


def _write_tag(writer: "_Writer", name: str, tag: re.Match[str]) -> None:
    ends = bool(tag["end"])
    if name == "br":
        writer.gap += 1
    elif name in _PARAGRAPHS:
        writer.break_lines(2)
        if name == "pre":
            writer.preformatted = not ends
    elif name in _LINES:
        writer.break_lines(1)
        if name == "li" and not ends:
            writer.text("- ")
    elif name in _CELLS:
        writer.space = True
    elif name == "a":
        writer.end_link()
        if not ends:
            writer.begin_link(_attribute(tag, "href"))
    elif name == "img":
        writer.text(_attribute(tag, "alt"))


def _attribute(tag: re.Match[str], wanted: str) -> str:
    """Return the value of an attribute, or "". If a name is repeated, its first value counts."""
    attributes = find_attributes(tag["attributes"])
    return next((_REFERENCE.sub(_decode, value) for name, _, value, _ in attributes if name == wanted), "")


def _decode(reference: re.Match[str]) -> str:
    """Decode a reference in an attribute. Without a semicolon it is none: `?a=1&region=DE` has no `&reg` in it."""
    return decode_references(reference[0]) if reference[1] is None else html5.get(f"{reference[1]};", reference[0])


@dataclass(slots=True)
class _Writer:
    """Writer of plain text. It writes blanks only when more text follows."""

    pieces: list[str] = field(default_factory=list)
    gap: int = 0
    """Number of line ends to write before the next text."""
    space: bool = False
    """True if a space has to be written before the next text."""
    preformatted: bool = False
    """True inside of `<pre>`, whose line breaks are shown."""
    _link: tuple[str, int] | None = None
    """Address of the open link, and the number of pieces before its text."""

    def text(self, text: str) -> None:
        words = " ".join(text.split())
        self.space = self.space or text[:1].isspace()
        if not words:
            return
        if self.pieces and (self.gap or self.space):
            self.pieces.append("\n" * min(self.gap, 2) or " ")
        self.pieces.append(words)
        self.gap, self.space = 0, text[-1].isspace()

    def lines(self, text: str) -> None:
        for number, line in enumerate(text.split("\n")):
            self.gap += bool(number)
            self.text(line)

    def break_lines(self, count: int) -> None:
        self.gap = max(self.gap, count)

    def begin_link(self, url: str) -> None:
        self._link = "".join(url.split()), len(self.pieces)

    def end_link(self) -> None:
        if self._link is None:
            return
        url, first = self._link
        self._link = None
        if _NOT_SHOWN.match(url):
            return
        shown = re.sub(r"(?i)\A(?:mailto|tel):", "", url)
        text = "".join(self.pieces[first:]).strip()
        if not text:
            self.text(shown)
        elif text not in {url, shown}:
            self.pieces.append(f" ({shown})")
