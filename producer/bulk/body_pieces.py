"""Cuts a large body into pieces that are worked on one at a time, so that it is never parsed as a whole.

Parsing 16 MiB at once would stop every other call for half a second, and take 150 MB. Here patterns find where the
recipients stand. They promise little, because every piece is parsed properly afterwards: where `[piece]` is JSON for
each piece, and so is the body with the first piece alone, the whole body is JSON.
"""

import asyncio
import json
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from core.request_parts import MAX_HEAD_BYTES
from producer.errors import BadRequestError
from schemas.topics import MAX_INTAKE_BYTES
from schemas.validation_errors import path_of

PIECE_BYTES = 8 * 1024
"""About so large is a piece: a third of a millisecond of work, in which the event loop does nothing else."""
_LONGEST_ESCAPE = 6
"""Bytes of JSON that one byte may be written as, such as `\\u0041`."""
_MAX_ITEM = _LONGEST_ESCAPE * MAX_INTAKE_BYTES
_MAX_HEAD = _LONGEST_ESCAPE * MAX_HEAD_BYTES
_DEPTH = 4
"""Arrays and objects in a value are followed so deep; the deepest of a good body, a recipient's variables, are at 2."""

# Possessive throughout: nothing is tried twice, so that the time is proportional to what is looked at.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_FLAT = rb'[^"{}\[\]]++|' + _STRING


def _nested(depth: int) -> bytes:
    inner = _FLAT
    for _ in range(depth - 1):
        inner = _FLAT + rb"|[\[{](?:" + inner + rb")*+[\]}]"
    return rb"[\[{](?:" + inner + rb")*+[\]}]"


_VALUE = rb'(?:%b|%b|[^"{}\[\],\s]++)' % (_STRING, _nested(_DEPTH))
_RUN = re.compile(rb"\s*+%b\s*+(?=[,\]])(?:,\s*+%b\s*+(?=[,\]]))*+" % (_VALUE, _VALUE), re.DOTALL)
_NAME = re.compile(rb"\s*+(%b)\s*+:\s*+" % _STRING, re.DOTALL)
_MEMBER = re.compile(rb"%b\s*+(?=[,}])" % _VALUE, re.DOTALL)
_SPACE = re.compile(rb"\s*+")


@dataclass(frozen=True, slots=True, repr=False)
class BodyPieces:
    """A body as it is worked on. Nothing in it is checked yet."""

    first: bytes
    """The whole body, save that of its recipients only the first few are there."""
    runs: tuple[tuple[int, int], ...] = ()
    """Where the other recipients stand in the body, in order: JSON arrays without their brackets."""

    def rest(self, raw: bytearray) -> Iterator[bytes]:
        """The other recipients, as JSON arrays."""
        return (b"[%b]" % bytes(raw[start:end]) for start, end in self.runs)


async def split_body(raw: bytearray, fields: Collection[str], piece_bytes: int = PIECE_BYTES) -> BodyPieces:
    """Find the recipients; the event loop turns meanwhile. A small body is its own first piece.

    Raises BadRequestError where it cannot be followed, or has a field that is not among `fields`.
    """
    if len(raw) <= piece_bytes:
        return BodyPieces(bytes(raw))
    return await _Cutter(raw, fields, piece_bytes).cut()


@dataclass(slots=True)
class _Cutter:
    raw: bytearray
    fields: Collection[str]
    piece_bytes: int
    seen: set[str] = field(default_factory=set)
    weight: int = 0
    runs: list[tuple[int, int]] = field(default_factory=list)

    async def cut(self) -> BodyPieces:
        at = self._after_space(0)
        if self._byte(at) != b"{":
            raise BadRequestError("the body is not an object, or not JSON")
        while self._byte(at) != b"}":
            at = self._after_space(await self._member(at + 1))
            if self._byte(at) not in {b",", b"}"}:
                raise _lost("the body", at)
        if self._after_space(at + 1) != len(self.raw):
            raise _lost("the body", at + 1)
        if not self.runs:
            return BodyPieces(bytes(self.raw))
        first_end, last_end = self.runs[0][1], self.runs[-1][1]
        return BodyPieces(bytes(self.raw[:first_end] + self.raw[last_end:]), tuple(self.runs[1:]))

    async def _member(self, at: int) -> int:
        """Where a member of the body ends."""
        found = _NAME.match(self.raw, at, at + _MAX_HEAD)
        if found is None:
            raise _lost("the body", at)
        name = self._name(found[1])
        at = found.end()
        if name == "recipients" and self._byte(at) == b"[":
            return await self._recipients(at + 1)
        end = _MEMBER.match(self.raw, at, at + _MAX_HEAD)
        if end is None:
            raise _lost(name, at)
        self.weight += end.end() - at
        if self.weight > _MAX_HEAD:
            raise BadRequestError(f"{name}: all but the recipients takes more than {MAX_HEAD_BYTES} bytes as JSON")
        return end.end()

    async def _recipients(self, at: int) -> int:
        """Where the array of recipients ends."""
        if self._byte(self._after_space(at)) == b"]":
            return self._after_space(at) + 1
        while True:
            start, at = at, self._run(at)
            self.runs.append((start, at))
            if self._byte(at) == b"]":
                return at + 1
            at += 1
            await asyncio.sleep(0)

    def _run(self, at: int) -> int:
        """Where the run of recipients ends that begins here: as many as a piece takes, or a larger one alone."""
        window = self.piece_bytes
        while not (found := _RUN.match(self.raw, at, at + window)):
            if window > _MAX_ITEM or at + window > len(self.raw):
                raise _lost("recipients", at)
            window *= 2
        return found.end()

    def _name(self, quoted: bytes) -> str:
        try:
            name: str = json.loads(quoted)
        except ValueError:
            raise BadRequestError("the body is not JSON: a name of a field is no text in UTF-8") from None
        if name not in self.fields:
            raise BadRequestError(f"{path_of([name])}: is not a field of this body")
        if name in self.seen:
            raise BadRequestError(f"{name}: is there twice")
        self.seen.add(name)
        return name

    def _byte(self, at: int) -> bytes:
        return bytes(self.raw[at : at + 1])

    def _after_space(self, at: int) -> int:
        found = _SPACE.match(self.raw, at)
        return found.end() if found else at


def _lost(where: str, at: int) -> BadRequestError:
    return BadRequestError(f"{where}: is not JSON, nested too deeply, or too large, near byte {at}")
