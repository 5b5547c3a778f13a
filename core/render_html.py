"""Text part of an HTML e-mail.

Our own scanner reads the HTML in linear time. `html.parser` of Python 3.11 takes 4 s for 20 KB of unclosed tags, and
four times as long for twice as much. One e-mail of a caller could stop a process with it.
The scanner follows the HTML standard as far as e-mails need it: an element that is not closed ends with the document,
and comments and scripts contain no tags.
"""

import re
from dataclasses import dataclass, field
from html import unescape

# Each alternative consumes all that it read, or reads no further than the next "<". This keeps the scan linear.
_TOKEN = re.compile(
    r"""
    (?P<text>(?:[^<]++|<(?![A-Za-z/!?]))++)
    | <!--(?:-?>|.*?(?:--!?>|\Z))
    | <(?P<end>/?)(?P<name>[A-Za-z][^\s/<>]*+)(?P<attributes>(?:[^<>"']++|"[^"<]*+"|'[^'<]*+')*+)>
    | <[^<>]*+>?
    """,
    re.DOTALL | re.VERBOSE,
)
_ATTRIBUTE = re.compile(r"""([^\s=/"'<>]+)(?:\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s"'<>]+)))?""")

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
    at = 0
    while (token := _TOKEN.match(html, at)) is not None:
        at = token.end()
        text, name = token["text"], token["name"]
        if text is not None:
            writer.text(unescape(text))
        elif name is not None:
            name = name.lower()
            if name in _UNSEEN and not token["end"]:
                at = _end_of(name, html, at)
            else:
                _write_tag(writer, name, token)
    writer.end_link()
    return "".join(writer.pieces)


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
    elif name in _LINES:
        writer.break_lines(1)
        if name == "li" and not ends:
            writer.text("- ")
    elif name in _CELLS:
        writer.space = True
    elif name == "a":
        writer.end_link()
        if not ends:
            writer.begin_link(_attributes(tag["attributes"]).get("href", ""))
    elif name == "img":
        writer.text(_attributes(tag["attributes"]).get("alt", ""))


def _attributes(source: str) -> dict[str, str]:
    """Return the attributes of a tag. If a name is repeated, its first value counts."""
    attributes: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(source):
        attributes.setdefault(name.lower(), unescape(double or single or bare))
    return attributes


@dataclass(slots=True)
class _Writer:
    """Writer of plain text. It writes blanks only when more text follows."""

    pieces: list[str] = field(default_factory=list)
    gap: int = 0
    """Number of line ends to write before the next text."""
    space: bool = False
    """True if a space has to be written before the next text."""
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
