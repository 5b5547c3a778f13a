"""Steps of writing the text part of an HTML e-mail. What is the same for all recipients is one step."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

from core.text_writer import Stretch, TextWriter
from core.value_conversion import LONG_VALUE, Converter, LongForms, convert_long


class Values(NamedTuple):
    """Values of one recipient."""

    by_name: Mapping[str, str]
    long_forms: LongForms


Step = Callable[[TextWriter, Values], None]
"""Step of writing the text for one recipient."""


class Value(NamedTuple):
    """Placeholder with the conversion of its value."""

    name: str
    convert: Converter | None
    line_break: re.Pattern[str] | None = None
    """Pattern of what is shown as a line break. None if it is shown as a blank."""

    def read(self, values: Values) -> str:
        """Return the converted value."""
        value = values.by_name[self.name]
        if self.convert is None:
            return value
        if len(value) <= LONG_VALUE:
            return self.convert(self.name, value)
        return convert_long(self.name, value, self.convert, len(value), values.long_forms)


Pieces = Sequence[str | Value]
"""Text and placeholders in order."""
_Call = tuple[Callable[..., None], tuple[Any, ...]]
"""Method of the writer and its arguments: a part of the text that is the same for all recipients."""
_END_LINE: _Call = (TextWriter.end_line, ())
_BEGIN_CELL: _Call = (TextWriter.begin_cell, ())
_END_LINK: _Call = (TextWriter.end_link, ())


class StepList:
    """List of steps that is being built. Its methods are those of the writer, with placeholders in the texts."""

    def __init__(self) -> None:
        self._steps: list[Step] = []
        self._stretch = _StretchWriter()
        """Text since the last placeholder."""
        self._link: list[_Call | Step] | None = None
        """Parts of the open link. A link with a placeholder is written anew for each recipient."""
        self._known: dict[object, Step] = {}
        """Steps by what they write. A text with many placeholders has many equal ones."""

    def finish(self) -> list[Step]:
        """Return the steps."""
        self.end_link()
        self._end_stretch()
        return self._steps

    def write_words(self, text: str) -> None:
        """Write running text without placeholders."""
        self._add((TextWriter.write, (text,)))

    def write(self, pieces: Pieces) -> None:
        """Write running text, piece by piece."""
        for piece in pieces:
            self._add((TextWriter.write, (piece,)) if isinstance(piece, str) else self._step(_write_value, piece))

    def write_attribute(self, pieces: Pieces) -> None:
        """Write the value of an attribute."""
        self._add(self._filled(TextWriter.write, pieces))

    def end_line(self) -> None:
        """End a line."""
        self._add(_END_LINE)

    def begin_block(self, line_ends: int) -> None:
        """Begin a block."""
        self._add((TextWriter.begin_block, (line_ends,)))

    def begin_cell(self) -> None:
        """Begin a cell of a table."""
        self._add(_BEGIN_CELL)

    def begin_link(self, address: Pieces) -> None:
        """Begin a link."""
        self.end_link()
        self._link = [self._filled(TextWriter.begin_link, address)]

    def end_link(self) -> None:
        """End the link, if one is open."""
        link, self._link = self._link, None
        if link is None:
            return
        if all(type(part) is tuple for part in link):
            for part in (*link, _END_LINK):
                self._add(part)
            return
        begin, *others = link
        self._add_step(begin)
        for part in others:
            self._add(part)
        self._add_step(_END_LINK)

    def _add(self, part: _Call | Step) -> None:
        if self._link is not None:
            self._link.append(part)
        elif isinstance(part, tuple):
            self._stretch.call(part)
        else:
            self._add_step(part)

    def _add_step(self, part: _Call | Step) -> None:
        self._end_stretch()
        self._steps.append(self._step(_make_call, part) if isinstance(part, tuple) else part)

    def _end_stretch(self) -> None:
        if (stretch := self._stretch.finish()) is not None:
            self._steps.append(self._step(_append, stretch))
            self._stretch = _StretchWriter()

    def _filled(self, method: Callable[..., None], pieces: Pieces) -> _Call | Step:
        if not any(isinstance(piece, Value) for piece in pieces):
            return method, ("".join(map(str, pieces)),)
        return self._step(_fill, (method, tuple(pieces)))

    def _step(self, write: Callable[..., None], what: object) -> Step:
        known = self._known.get((write, what))
        if known is None:
            known = self._known[write, what] = partial(write, what)
        return known


class _StretchWriter:
    """Writer of a stretch. The line ends before its first text may add to those that are open."""

    def __init__(self) -> None:
        self._writer, self._is_empty = TextWriter(), True
        self._added, self._gap, self._space = 0, 0, False

    def call(self, call: _Call) -> None:
        """Call a method of the writer."""
        writer, (method, arguments) = self._writer, call
        self._is_empty = False
        if not writer.pieces:
            self._added += method is TextWriter.end_line
            self._gap = writer.gap
            self._space = writer.space or (method is TextWriter.write and arguments[0][:1].isspace())
        method(writer, *arguments)

    def finish(self) -> Stretch | None:
        """Return the stretch, or None if nothing was written."""
        writer = self._writer
        if self._is_empty:
            return None
        if not writer.pieces:
            return Stretch(self._added, writer.gap, writer.space, "", 0, space_after=False)
        return Stretch(self._added, self._gap, self._space, "".join(writer.pieces), writer.gap, writer.space)


def _write_value(value: Value, writer: TextWriter, values: Values) -> None:
    text = value.read(values)
    first, *others = value.line_break.split(text) if value.line_break else (text,)
    writer.write(first)
    for line in others:
        writer.end_line()
        writer.write(line)


def _fill(what: tuple[Callable[..., None], Pieces], writer: TextWriter, values: Values) -> None:
    method, pieces = what
    method(writer, "".join(piece if isinstance(piece, str) else piece.read(values) for piece in pieces))


def _make_call(call: _Call, writer: TextWriter, _: Values) -> None:
    method, arguments = call
    method(writer, *arguments)


def _append(stretch: Stretch, writer: TextWriter, _: Values) -> None:
    writer.append(stretch)
