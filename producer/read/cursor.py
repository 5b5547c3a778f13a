"""Cursor of a list: the reader's position, as text that is opaque to the caller.

The cursor is not signed. It names a position only, and every call takes the tenant and the user from the token.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledger.queries import ListPosition
from producer.errors import BadRequestError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_CURSOR_FORMAT = re.compile(rb"(-?[0-9]{1,15}) ([1-9][0-9]{0,8}) ([0-9]{1,12}) ([01]) ([a-z0-9_]{1,64})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The position after which the next page begins, and the total that the first page gave."""

    position: ListPosition
    page: int
    """Number of the next page."""
    total: int
    exact: bool


def write_cursor(cursor: Cursor) -> str:
    """Return the cursor as text for a response."""
    milliseconds = (cursor.position.at - _EPOCH) // _MILLISECOND
    text = f"{milliseconds} {cursor.page} {cursor.total} {cursor.exact:d} {cursor.position.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """Parse a cursor that a caller sent. Raises BadRequestError."""
    cursor = _parse(text)
    if cursor is None:
        raise BadRequestError("after: must be the `next` of an earlier page")
    return cursor


def _parse(text: str) -> Cursor | None:
    try:
        match = _CURSOR_FORMAT.fullmatch(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if match is None:
            return None
        milliseconds, page, total, exact = map(int, match.groups()[:4])
        return Cursor(ListPosition(_EPOCH + milliseconds * _MILLISECOND, match[5].decode()), page, total, exact == 1)
    except (ValueError, OverflowError):
        return None
