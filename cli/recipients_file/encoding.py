"""Encoding of a recipients file: UTF-8, UTF-16 or UTF-32 if it is certain, else the result of guess_encoding.py.

A wrong encoding would change names in messages. So a file is refused unless its encoding is certain enough.
"""

import codecs
from collections.abc import Iterator
from functools import partial
from itertools import chain
from typing import BinaryIO

from cli.errors import UsageError
from cli.recipients_file.guess_encoding import guess_encoding
from cli.recipients_file.row_error import RowError

UTF_8 = "utf-8"
_PIECE_BYTES = 1 << 16
_MAX_SAMPLE_LINES = 2_000
"""Maximum number of different lines that are compared to find an encoding. More lines make no difference."""

_MAX_SAMPLE_BYTES = 10_000
"""Maximum length of one of these lines in bytes. The rest of a longer line counts as a line of its own."""

_MARKS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""Byte order marks, the longer one first: that of UTF-32 begins as that of UTF-16."""

_OTHER_PURPOSES = {"idna", "punycode", "unicode-escape", "raw-unicode-escape"}

_HINT = 'Name the encoding, such as --encoding cp1252, or save the file as UTF-8, in a spreadsheet as "CSV UTF-8".'


def find_encoding(file: BinaryIO, given: str | None) -> str:
    """Return the encoding with which the whole file can be read. Raises RowError, and UsageError for the option."""
    if given is not None:
        return _check_given(file, given)
    file.seek(0)
    start = file.read(1_000)
    for mark, marked in _MARKS.items():
        if start.startswith(mark):
            _require(
                file, marked, f"not {marked.removesuffix('-sig').upper()}, although the file begins with its mark."
            )
            return marked
    if b"\0" in start[:100]:
        return _utf_16_without_mark(file, start)
    _refuse_nul(file)
    line = _first_undecodable(file, UTF_8)
    return UTF_8 if line is None else _find_legacy(file, line)


def _check_given(file: BinaryIO, given: str) -> str:
    """Return the encoding that the user named. Raises UsageError if it does not exist, RowError if it does not fit."""
    if not _is_character_set(given):
        raise UsageError(
            "--encoding: is not known. Use a name such as utf-8, utf-16, cp1252, gb18030, big5 or shift_jis."
        )
    name = codecs.lookup(given).name
    file.seek(0)
    if name == UTF_8 and file.read(3) == codecs.BOM_UTF8:
        name = "utf-8-sig"
    if not name.startswith(("utf-16", "utf-32")):
        _refuse_nul(file)
    _require(file, name, f"not {given}. Correct --encoding, or leave it out.")
    return name


def _is_character_set(name: str) -> bool:
    """Return whether a codec exists and encodes text. Some of Python's have other purposes, such as rot13."""
    try:
        return "Ab,;\n".encode(name).decode(name) == "Ab,;\n" and codecs.lookup(name).name not in _OTHER_PURPOSES
    except (LookupError, ValueError):
        return False


def _require(file: BinaryIO, encoding: str, problem: str) -> None:
    line = _first_undecodable(file, encoding)
    if line is not None:
        raise RowError(line, problem)


def _utf_16_without_mark(file: BinaryIO, start: bytes) -> str:
    """Return the UTF-16 of a file that begins with ASCII text in it. Raises RowError for other NUL bytes."""
    even, odd = start[:100:2], start[1:100:2]
    for encoding, zeros, others in (("utf-16-le", odd, even), ("utf-16-be", even, odd)):
        is_mostly_ascii = 3 * zeros.count(0) > len(zeros) and zeros.count(0) > 4 * others.count(0)
        if is_mostly_ascii and _first_undecodable(file, encoding) is None:
            return encoding
    raise _nul_error(1 + start[: start.index(0)].count(b"\n"))


def _refuse_nul(file: BinaryIO) -> None:
    """Raise RowError if the file has a NUL byte. Most encodings allow it, but no text of a person has one."""
    lines = 0
    for piece in _pieces(file):
        at = piece.find(0)
        if at >= 0:
            raise _nul_error(lines + piece.count(b"\n", 0, at) + 1)
        lines += piece.count(b"\n")


def _nul_error(line: int) -> RowError:
    return RowError(line, "has a NUL byte, so the file is damaged or not text. Save it again as CSV UTF-8.")


def _find_legacy(file: BinaryIO, first_line: int) -> str:
    """Return the encoding of a file whose line `first_line` is not UTF-8. Raises RowError if it is not certain."""
    sample, in_utf_8 = _sample_lines(file)
    if 4 * in_utf_8 > len(sample):
        # In other encodings hardly any line with a letter beyond ASCII is also UTF-8.
        raise RowError(first_line, "not UTF-8, but other lines are. Correct the line, and save the file as UTF-8.")
    guessed = guess_encoding(sample)
    if guessed is None or _first_undecodable(file, guessed) is not None:
        raise RowError(first_line, f"not UTF-8, and the encoding is not certain. {_HINT}")
    return guessed


def _sample_lines(file: BinaryIO) -> tuple[set[bytes], int]:
    """Return different lines with letters beyond ASCII, and the number of those that are UTF-8."""
    sample, in_utf_8 = set[bytes](), 0
    file.seek(0)
    pieces = iter(partial(file.readline, _MAX_SAMPLE_BYTES), b"")
    for line in chain.from_iterable(piece.split(b"\r") for piece in pieces):
        if not line.isascii() and line not in sample:
            sample.add(line)
            in_utf_8 += _is_utf_8(line)
            if len(sample) == _MAX_SAMPLE_LINES:
                break
    return sample, in_utf_8


def _is_utf_8(line: bytes) -> bool:
    try:
        line.decode(UTF_8)
    except UnicodeDecodeError:
        return False
    return True


def _first_undecodable(file: BinaryIO, encoding: str) -> int | None:
    """Return the number of the first line that cannot be decoded, or None."""
    decoder = codecs.getincrementaldecoder(encoding)()
    decoded = 0
    try:
        for piece in _pieces(file):
            decoder.decode(piece)
            decoded += len(piece)
        decoder.decode(b"", final=True)
    except UnicodeError:
        return _line_of(file, encoding, decoded)
    return None


def _line_of(file: BinaryIO, encoding: str, decoded: int) -> int:
    """Return the number of the first line that cannot be decoded. The bytes before `decoded` can."""
    decoder = codecs.getincrementaldecoder(encoding)()
    ends = "\r\n"
    file.seek(0)
    line, last = 1, ""
    try:
        for piece in _pieces(file):
            # Near the error one byte at a time, so that all of the text before it is counted.
            steps = [piece] if decoded >= len(piece) else [piece[at : at + 1] for at in range(len(piece))]
            for step in steps:
                text = decoder.decode(step)
                line += sum(text.count(end) for end in ends) - (last + text).count(ends)
                last = text[-1:]
            decoded -= len(piece)
        decoder.decode(b"", final=True)
    except UnicodeError:
        pass
    return line


def _pieces(file: BinaryIO) -> Iterator[bytes]:
    file.seek(0)
    return iter(lambda: file.read(_PIECE_BYTES), b"")
