"""The text part of an HTML mail.

A scanner of its own reads the HTML, in time that grows with its length alone: `html.parser` of Python 3.11 takes 4 s
for 20 KB of unclosed tags, and four times that for twice as much, which one caller's mail could use to stop a process.
It follows the HTML standard where a mail could notice: what is not closed ends with the document, comments and
scripts have no tags in them.
"""

import re
from dataclasses import dataclass, field
from html import unescape

_HTML = re.compile(r"\s*<[A-Za-z!]")

# Each alternative takes what it looked at, or looks no further than the next "<": that is what keeps it linear.
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


def is_html(content: str) -> bool:
    """Whether a mail's content is HTML: its first character that is no space is `<`, with a letter or `!` after it."""
    return _HTML.match(content) is not None


def html_to_text(html: str) -> str:
    """HTML as plain text: blocks become lines, a link is `text (url)`, an image its alternative text.

    It never fails: what is no proper HTML is read much as a browser reads it. A placeholder in text or in a link's
    address stays one, so that a template's text part can be made once, before it is filled.
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
    """Where the end tag of an element begins that has no tags inside, or where the document ends."""
    found = re.compile(rf"(?i)</{name}\b").search(html, at)
    return found.start() if found else len(html)


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
    """The attributes of a tag; the first of a name counts."""
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(source):
        found.setdefault(name.lower(), unescape(double or single or bare))
    return found


@dataclass(slots=True)
class _Writer:
    """Collects text, and owes the blanks before it until more of it comes."""

    pieces: list[str] = field(default_factory=list)
    gap: int = 0
    """Line ends owed."""
    space: bool = False
    """Whether a space is owed."""
    _link: tuple[str, int] | None = None
    """Address of the open link, and how many pieces were there before its text."""

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
