"""Values of a JSON array, or of JSON objects one after the other, read with a small part of the file in memory."""

import json
import re
from collections.abc import Iterator
from typing import TextIO

from cli.recipients_file.row_error import RowError

_PIECE_LENGTH = 1 << 16
_WHITE_SPACE = re.compile(r"[ \t\n\r]*")
_NOT_JSON = "not valid JSON."


class JsonValues:
    """Iterator over (line, JSON text of a value). Raises RowError if the rest of the file cannot be read."""

    def __init__(self, file: TextIO, max_length: int) -> None:
        self._file = file
        self._max_length = max_length
        """Maximum length of one value in characters."""
        self._decode = json.JSONDecoder().raw_decode
        self._buffer, self._at, self._line = "", 0, 1

    def __iter__(self) -> Iterator[tuple[int, str]]:
        in_array = self._next_character() == "["
        if not in_array:
            while self._next_character():
                yield self._value()
            return
        self._advance(self._at + 1)
        if self._next_character() != "]":
            yield self._value()
        while (separator := self._next_character()) == ",":
            self._advance(self._at + 1)
            self._next_character()
            yield self._value()
        if separator != "]":
            raise RowError(self._line, _NOT_JSON if separator else "the array does not end. The file is incomplete.")
        self._advance(self._at + 1)
        if self._next_character():
            raise RowError(self._line, "must not have anything after the end of the array.")

    def _next_character(self) -> str:
        """Return the next character that is no white space, or "" at the end of the file."""
        while True:
            match = _WHITE_SPACE.match(self._buffer, self._at)
            self._advance(match.end() if match else self._at)
            if self._at < len(self._buffer):
                return self._buffer[self._at]
            if not self._read_more():
                return ""

    def _value(self) -> tuple[int, str]:
        while True:
            try:
                _, end = self._decode(self._buffer, self._at)
                # A number at the end of the buffer may go on.
                if end < len(self._buffer) or not self._read_more():
                    return self._line, self._advance(end)
            except (json.JSONDecodeError, RecursionError) as error:
                if len(self._buffer) - self._at > self._max_length:
                    raise RowError(
                        self._line, f"{_NOT_JSON} A value must not be longer than {self._max_length:,} characters."
                    ) from None
                if isinstance(error, RecursionError) or not self._read_more():
                    position = getattr(error, "pos", self._at)
                    raise RowError(self._line + self._buffer.count("\n", self._at, position), _NOT_JSON) from None

    def _advance(self, to: int) -> str:
        """Move to a position in the buffer, and return the text up to it."""
        text = self._buffer[self._at : to]
        self._line += text.count("\n")
        self._at = to
        return text

    def _read_more(self) -> bool:
        """Read a further piece. Return False at the end of the file."""
        piece = self._file.read(_PIECE_LENGTH)
        self._buffer, self._at = self._buffer[self._at :] + piece, 0
        return bool(piece)
