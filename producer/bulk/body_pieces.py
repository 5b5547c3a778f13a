"""Splitting of a large body into pieces. They are processed one at a time, so that it is never parsed as a whole.

Parsing 16 MiB at once would stop every other call for half a second and take 150 MB. Regular expressions find the
recipients here. They need not be strict, because every piece is parsed properly afterwards. If `[piece]` is JSON for
each piece, and the body with the first piece alone is JSON, then the whole body is JSON.
"""

import asyncio
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice

from core.request_parts import MAX_SHARED_FIELDS_BYTES
from producer.errors import BadRequestError
from schemas.topic_definitions import MAX_INTAKE_BYTES
from schemas.validation_errors import UNKNOWN

PIECE_BYTES = 8 * 1024
"""Approximate size of a piece in bytes. It takes a third of a millisecond, and blocks the event loop for that time."""
_LONGEST_ESCAPE = 6
"""Maximum number of JSON bytes for one byte of text, such as `\\u0041`."""
_MAX_ITEM = _LONGEST_ESCAPE * MAX_INTAKE_BYTES
_MAX_HEAD = _LONGEST_ESCAPE * MAX_SHARED_FIELDS_BYTES
_SIZE_DIFFERENCE = 1024
"""Number of bytes by which recipients of one size differ."""
_DEPTH = 4
"""Maximum nesting of arrays and objects in a value. The deepest of a valid body, a recipient's variables, have 2."""
MAX_TOKENS = 150_000
"""Maximum number of strings and signs of structure in one value. A recipient with 1,000 variables has 4,000."""
_MIN_COUNTED_BYTES = 256 * 1024
"""Size in bytes from which the tokens of a value are counted. A smaller one makes objects of some megabytes."""

# Possessive throughout: nothing is tried twice, so that the time is proportional to the bytes that are matched.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[^"{}\[\]]++|' + _STRING


def _nested(depth: int) -> bytes:
    inner = _FLAT
    for _ in range(depth - 1):
        inner = _FLAT + rb"|[\[{](?:" + inner + rb")*+[\]}]"
    return rb"[\[{](?:" + inner + rb")*+[\]}]"


_VALUE = rb'(?:%b|%b|[^"{}\[\],\s]++)' % (_STRING, _nested(_DEPTH))
_ITEM = re.compile(rb"\s*+%b\s*+(?=[,\]])" % _VALUE, re.DOTALL)
_RUN = re.compile(rb"%b(?:,%b)*+" % (_ITEM.pattern, _ITEM.pattern), re.DOTALL)
_NAME = re.compile(rb"\s*+(%b)\s*+:\s*+" % _STRING, re.DOTALL)
_MEMBER = re.compile(rb"%b\s*+(?=[,}])" % _VALUE, re.DOTALL)
_SPACE = re.compile(rb"\s*+")
# A string that does not end reaches to the end of the text, so that no quotation mark in it is tried again.
_TOKEN = re.compile(_STRING.removesuffix(b'"') + rb'(?:"|\\?\Z)|[,:\[{]', re.DOTALL)


@dataclass(frozen=True, slots=True, repr=False)
class BodyPieces:
    """A body, split into pieces. Its fields are not checked yet."""

    first: bytes
    """The whole body, with only the first few of its recipients."""
    ranges: tuple[tuple[int, int], ...] = ()
    """Start and end of the other recipients in the body, in order: JSON arrays without their brackets."""

    def rest(self, raw: bytearray) -> Iterator[bytes]:
        """Yield the other recipients as JSON arrays."""
        return (b"[%b]" % bytes(raw[start:end]) for start, end in self.ranges)


async def split_body(raw: bytearray, fields: Collection[str], piece_bytes: int = PIECE_BYTES) -> BodyPieces:
    """Find the recipients. The event loop turns meanwhile. A small body is its own first piece.

    Raises BadRequestError if the body cannot be split, or has a field that is not among `fields`.
    """
    if len(raw) <= piece_bytes:
        return BodyPieces(bytes(raw))
    return await _BodySplitter(raw, fields, piece_bytes).split()


@dataclass(slots=True)
class _BodySplitter:
    raw: bytearray
    fields: Collection[str]
    piece_bytes: int
    seen_names: set[str] = field(default_factory=set)
    head_bytes: int = 0
    ranges: list[tuple[int, int]] = field(default_factory=list)
    larger_bytes: int = 0
    """Size to expect if the last recipient was larger than a piece, else 0."""

    async def split(self) -> BodyPieces:
        at = self._after_space(0)
        if self._byte(at) != b"{":
            raise BadRequestError("the body is not an object, or not JSON")
        while self._byte(at) != b"}":
            at = self._after_space(await self._end_of_member(at + 1))
            if self._byte(at) not in {b",", b"}"}:
                raise _unreadable("the body", at)
        if self._after_space(at + 1) != len(self.raw):
            raise _unreadable("the body", at + 1)
        if not self.ranges:
            return BodyPieces(bytes(self.raw))
        first_end, last_end = self.ranges[0][1], self.ranges[-1][1]
        return BodyPieces(bytes(self.raw[:first_end] + self.raw[last_end:]), tuple(self.ranges[1:]))

    async def _end_of_member(self, at: int) -> int:
        """Return the end of the member of the body that begins at `at`."""
        name_match = _NAME.match(self.raw, at, at + _MAX_HEAD)
        if name_match is None:
            raise _unreadable("the body", at)
        name = self._parse_name(name_match[1])
        at = name_match.end()
        if name == "recipients" and self._byte(at) == b"[":
            return await self._end_of_recipients(at + 1)
        value_match = _MEMBER.match(self.raw, at, at + _MAX_HEAD)
        if value_match is None:
            raise _unreadable(name, at)
        self.head_bytes += value_match.end() - at
        if self.head_bytes > _MAX_HEAD:
            raise BadRequestError(
                f"{name}: all fields except recipients must not exceed {MAX_SHARED_FIELDS_BYTES} bytes as JSON"
            )
        check_tokens(value_match[0], name)
        return value_match.end()

    async def _end_of_recipients(self, at: int) -> int:
        """Collect the ranges of the recipients and return the end of their array."""
        if self._byte(self._after_space(at)) == b"]":
            return self._after_space(at) + 1
        while True:
            start, at = at, await self._end_of_run(at)
            self.ranges.append((start, at))
            if self._byte(at) == b"]":
                return at + 1
            at += 1
            await asyncio.sleep(0)

    async def _end_of_run(self, at: int) -> int:
        """Return the end of the run of recipients that begins at `at`.

        A run has as many recipients as fit into a piece, or a single larger one. Behind a larger one, another one of
        its size is looked for first. Otherwise each byte of it would be read once for each window.
        """
        window = self.piece_bytes
        if self.larger_bytes and (item_match := _ITEM.match(self.raw, at, at + self.larger_bytes)):
            check_tokens(self.raw[at : item_match.end()], "recipients")
            return item_match.end()
        self.larger_bytes = 0
        while not (run_match := _RUN.match(self.raw, at, at + window)):
            if window > _MAX_ITEM or at + window > len(self.raw):
                raise _unreadable("recipients", at)
            if window >= _MIN_COUNTED_BYTES:  # all of it belongs to one recipient
                check_tokens(self.raw[at : at + window], "recipients")
                await asyncio.sleep(0)
            window *= 2
        if window > self.piece_bytes:
            self.larger_bytes = run_match.end() - at + _SIZE_DIFFERENCE
        return run_match.end()

    def _parse_name(self, quoted: bytes) -> str:
        try:
            name: str = json.loads(quoted)
        except ValueError:
            raise BadRequestError("the body is not JSON: the name of a field is not text in UTF-8") from None
        if name not in self.fields:
            raise BadRequestError(f"{UNKNOWN}: is not a field of this body")
        if name in self.seen_names:
            raise BadRequestError(f"{name}: is given twice")
        self.seen_names.add(name)
        return name

    def _byte(self, at: int) -> bytes:
        return bytes(self.raw[at : at + 1])

    def _after_space(self, at: int) -> int:
        space_match = _SPACE.match(self.raw, at)
        return space_match.end() if space_match else at


def check_tokens(text: bytes | bytearray, field_name: str) -> None:
    """Raise BadRequestError if a large value, or the fields beside the recipients, have too many strings and signs.

    An object for each of them would fill the memory before the first one is found to be wrong.
    """
    if len(text) >= _MIN_COUNTED_BYTES and next(islice(_TOKEN.finditer(text), MAX_TOKENS, None), None):
        raise BadRequestError(
            f"{field_name}: the body has a value with more names and items than are allowed, such as 1,000 variables"
        )


def _unreadable(field_name: str, at: int) -> BadRequestError:
    return BadRequestError(f"{field_name}: is not JSON, nested too deeply, or too large, near byte {at}")
