"""Parts of a mail from a stranger, within fixed bounds of time and memory.

The parser of the library `email` takes quadratic time for nested parts, and runs into the limit of recursion. So the
parts of the outermost level are cut here, and the library reads one short head at a time.
"""

import binascii
import quopri
from base64 import b64decode
from collections.abc import Iterator
from email.message import Message
from email.parser import BytesHeaderParser
from typing import NamedTuple

MAX_MAIL_BYTES = 1024 * 1024
"""Maximum number of bytes that are read of a mail. A report is before the original mail (RFC 3464, 2)."""
MAX_HEAD_BYTES = 32 * 1024
"""Maximum number of bytes that are read of a head."""
MAX_PARTS = 10
"""Maximum number of parts that are read. A report has three at most (RFC 6522, 3)."""
MAX_REPORT_BYTES = 64 * 1024
"""Maximum number of bytes that are read of a part with a report."""
MAX_VALUE = 1_000
"""Maximum length of a header value that is read, in characters. Parameters of longer ones take quadratic time."""

_HEADER_PARSER = BytesHeaderParser()


class MailPart(NamedTuple):
    """Head and body of a mail, or of a part of it."""

    head: Message
    body: bytes

    def content_type(self) -> str:
        """Return the media type in lower case."""
        return self.head.get_content_type() if self._is_short("Content-Type") else ""

    def boundary(self) -> bytes | None:
        """Return the line that separates the parts, without the hyphens before it."""
        boundary = self.head.get_boundary() if self._is_short("Content-Type") else None
        return boundary.encode(errors="surrogateescape") if boundary else None

    def decoded(self) -> bytes:
        """Return the beginning of the body without its transfer encoding."""
        body = self.body[:MAX_REPORT_BYTES]
        encoding = str(self.head.get("Content-Transfer-Encoding", "")).strip().lower()
        if encoding == "quoted-printable":
            return quopri.decodestring(body)
        if encoding != "base64":
            return body
        letters = b"".join(body.split())
        try:
            return b64decode(letters[: len(letters) // 4 * 4])
        except binascii.Error:
            return b""

    def _is_short(self, name: str) -> bool:
        return len(str(self.head.get(name, ""))) <= MAX_VALUE


def split_head(content: bytes) -> MailPart:
    """Return the head and the body of a mail or a part. Lines may end with CRLF or LF."""
    end = _end_of_head(content)
    return MailPart(_HEADER_PARSER.parsebytes(content[: min(end, MAX_HEAD_BYTES)]), content[end:])


def split_parts(mail: MailPart) -> Iterator[MailPart]:
    """Yield the first parts of the outermost level. A mail that is not multipart has none."""
    boundary = mail.boundary()
    if boundary is None or not mail.content_type().startswith("multipart/"):
        return
    body = b"\n" + mail.body
    lines = _boundary_lines(body, b"\n--" + boundary)
    line = next(lines, None)
    for _ in range(MAX_PARTS):
        if line is None or line.is_last:
            return
        following = next(lines, None)
        yield split_head(body[line.end : following.begin + 1 if following else None])
        line = following


class _BoundaryLine(NamedTuple):
    begin: int
    end: int
    is_last: bool


def _boundary_lines(body: bytes, edge: bytes) -> Iterator[_BoundaryLine]:
    """Yield the lines that begin with `edge` and have nothing behind it, or the two hyphens of the last one."""
    begin = body.find(edge)
    while begin >= 0:
        end = body.find(b"\n", begin + 1) + 1 or len(body)
        rest = body[begin + len(edge) : end].rstrip() if end - begin <= len(edge) + MAX_VALUE else b"?"
        if rest in {b"", b"--"}:
            yield _BoundaryLine(begin, end, rest == b"--")
        begin = body.find(edge, end - 1)


def _end_of_head(content: bytes) -> int:
    """Return the position behind the first empty line, or the end."""
    if content.startswith((b"\n", b"\r\n")):
        return content.index(b"\n") + 1
    ends = [found + len(line) for line in (b"\n\n", b"\n\r\n") if (found := content.find(line)) >= 0]
    return min(ends, default=len(content))
