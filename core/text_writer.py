"""Writer of the plain text that HTML shows."""

import re
from dataclasses import dataclass, field
from typing import NamedTuple

_NOT_SHOWN = re.compile(r"(?i)(?:#|javascript:|data:|\Z)")
_OWN_SCHEME = re.compile(r"(?i)\A(?:mailto|tel):")


class Stretch(NamedTuple):
    """Text that is the same for all recipients, with the line ends and blanks around it."""

    added: int
    """Number of line ends to add to those that are open before the text."""
    least: int
    """Minimum number of line ends before the text."""
    space: bool
    """True if a blank stands before the text."""
    text: str
    gap: int
    """Number of line ends that are open after the text. It counts only with a text, as does `space_after`."""
    space_after: bool


@dataclass(slots=True)
class TextWriter:
    """Writer of plain text. It writes blanks and line ends only when more text follows."""

    pieces: list[str] = field(default_factory=list)
    gap: int = 0
    """Number of line ends to write before the next text."""
    space: bool = False
    """True if a blank has to be written before the next text."""
    _link: tuple[str, int] | None = None
    """Address of the open link, and the number of pieces before its text."""

    def write(self, text: str) -> None:
        """Write words. All white space in between becomes one blank."""
        words = " ".join(text.split())
        self.space = self.space or text[:1].isspace()
        if not words:
            return
        self._write_words(words)
        self.gap, self.space = 0, text[-1].isspace()

    def append(self, stretch: Stretch) -> None:
        """Write a text whose form is known, as `write` and the other methods would do piece by piece."""
        self.gap = max(self.gap + stretch.added, stretch.least)
        self.space = self.space or stretch.space
        if stretch.text:
            self._write_words(stretch.text)
            self.gap, self.space = stretch.gap, stretch.space_after

    def end_line(self) -> None:
        """End a line."""
        self.gap += 1

    def begin_block(self, line_ends: int) -> None:
        """Write at least this number of line ends before the next text."""
        self.gap = max(self.gap, line_ends)

    def begin_cell(self) -> None:
        """Write a blank before the next text."""
        self.space = True

    def begin_link(self, address: str) -> None:
        """Begin a link. Its address is written behind its text."""
        self._link = "".join(address.split()), len(self.pieces)

    def end_link(self) -> None:
        """End the link, if one is open. Its address is not repeated if it is the text as well."""
        if self._link is None:
            return
        address, first = self._link
        self._link = None
        if _NOT_SHOWN.match(address):
            return
        shown = _OWN_SCHEME.sub("", address)
        text = "".join(self.pieces[first:]).strip()
        if not text:
            self.write(shown)
        elif text not in {address, shown}:
            self.pieces.append(f" ({shown})")

    def _write_words(self, words: str) -> None:
        if self.pieces and (self.gap or self.space):
            self.pieces.append("\n" * min(self.gap, 2) or " ")
        self.pieces.append(words)
