"""Text part of an HTML e-mail. Blocks become lines, a link `text (address)`, and an image its alternative text.

It is made from the template once for each request, because reading the HTML takes most of the time. Each recipient then
gets the text that the filled-in HTML shows: a value is converted for its place, and written as a browser shows it.
"""

import re
from bisect import bisect_left
from collections.abc import Mapping, Sequence

from core.html_references import decode_references
from core.placeholder_places import MARK, Place, find_marks, join_texts
from core.render_html import decode_attribute, find_attributes, scan_html
from core.text_steps import Pieces, Step, StepList, Value, Values
from core.text_writer import TextWriter
from core.value_conversion import IN_TEXT, LINE_BREAK
from core.variable_names import Variables

_PARAGRAPHS = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "dl", "table", "blockquote", "pre", "hr"})
_LINES = frozenset(
    {"address", "article", "aside", "body", "center", "dd", "div", "dt", "fieldset", "figcaption", "figure", "footer"}
    | {"form", "header", "html", "li", "main", "nav", "section", "tbody", "tfoot", "thead", "tr"}
)
_CELLS = frozenset({"td", "th"})
_LINE_END = re.compile("\n")


class TextPart:
    """Text part of a template. It is compiled at its first use, because not every provider needs it."""

    def __init__(self, parts: Sequence[str], places: Sequence[Place]) -> None:
        """Take the HTML as text and names of variables in turn, and the place of each placeholder.

        The first and the last item are text.
        """
        self._parts, self._places = parts, places
        self._names: frozenset[str] = frozenset(parts[1::2])
        self._steps: list[Step] | None = None

    def render(self, variables: Mapping[str, str], defaults: Mapping[str, str]) -> str:
        """Return the text for one recipient, whose variables are the ones that the HTML was rendered with."""
        if self._steps is None:
            self._steps = _Reader(self._parts, self._places).read()
        found = Variables(variables, defaults)
        values = Values({name: found.get(name) or "" for name in self._names}, {})
        writer = TextWriter()
        for step in self._steps:
            step(writer, values)
        return "".join(writer.pieces)


def html_to_text(html: str) -> str:
    """Convert HTML to plain text. The conversion never fails. Broken HTML is read much as a browser reads it."""
    return TextPart((html,), ()).render({}, {})


class _Reader:
    """Reader of HTML with placeholders."""

    def __init__(self, parts: Sequence[str], places: Sequence[Place]) -> None:
        texts, names = parts[::2], parts[1::2]
        self._html = join_texts(texts) if names else texts[0]
        self._marks = find_marks(self._html) if names else []
        self._placeholders = tuple(zip(names, places, strict=True))
        self._steps = StepList()
        self._preformatted = False

    def read(self) -> list[Step]:
        """Return the steps of writing the text."""
        scan_html(self._html, self._read_text, self._read_tag)
        return self._steps.finish()

    def _read_text(self, text: str, begin: int) -> None:
        if not (self._preformatted or self._has_marks(begin, begin + len(text))):
            self._steps.write_words(decode_references(text))
            return
        for number, line in enumerate(self._lines(begin, begin + len(text))):
            if number:
                self._steps.end_line()
            self._steps.write(line)

    def _lines(self, begin: int, end: int) -> list[Pieces]:
        """Return the lines of a text. A line break outside of `<pre>` is a blank."""
        lines: list[list[str | Value]] = [[]]
        for piece in self._split(begin, end):
            if isinstance(piece, Value):
                lines[-1].append(piece)
                continue
            first, *others = decode_references(piece).split("\n") if self._preformatted else [decode_references(piece)]
            lines[-1].append(first)
            lines += [[line] for line in others]
        return lines  # type: ignore[return-value]

    def _split(self, begin: int, end: int) -> list[str | Value]:
        """Return the pieces of a part of the HTML: text as it is written, and the placeholders."""
        marks, html = self._marks, self._html
        if not self._has_marks(begin, end):
            return [html[begin:end]]
        at = bisect_left(marks, begin)
        pieces: list[str | Value] = []
        while at < len(marks) and marks[at] < end:
            pieces += (html[begin : marks[at]], self._value(at))
            begin = marks[at] + 1
            at += 1
        return [*pieces, html[begin:end]]

    def _has_marks(self, begin: int, end: int) -> bool:
        return bool(self._marks) and self._html.find(MARK, begin, end) >= 0

    def _value(self, number: int) -> Value:
        name, place = self._placeholders[number]
        break_in_place = LINE_BREAK if place is Place.TEXT else _LINE_END if self._preformatted else None
        return Value(name, IN_TEXT.get(place), break_in_place)

    def _read_tag(self, name: str, tag: re.Match[str]) -> None:
        steps, ends = self._steps, bool(tag["end"])
        if name == "br":
            steps.end_line()
        elif name in _PARAGRAPHS:
            steps.begin_block(2)
            if name == "pre":
                self._preformatted = not ends
        elif name in _LINES:
            steps.begin_block(1)
            if name == "li" and not ends:
                steps.write_words("- ")
        elif name in _CELLS:
            steps.begin_cell()
        elif name == "a":
            steps.end_link()
            if not ends:
                steps.begin_link(self._attribute(tag, "href"))
        elif name == "img":
            steps.write_attribute(self._attribute(tag, "alt"))

    def _attribute(self, tag: re.Match[str], wanted: str) -> Pieces:
        """Return the value of an attribute, or nothing. If a name is repeated, its first value counts."""
        for name, begin, value, _ in find_attributes(self._html, *tag.span("attributes")):
            if name == wanted:
                pieces = self._split(begin, begin + len(value))
                return [decode_attribute(piece) if isinstance(piece, str) else piece for piece in pieces]
        return ()
