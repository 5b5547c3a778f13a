"""The cursor of a list: where a reader stands, as text that means nothing to anybody else.

It is not signed: it names a place in an order, and whose things are listed is taken from the token every time.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ledger.queries import ListPosition
from producer.errors import BadRequestError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_WRITTEN = re.compile(rb"(-?[0-9]{1,15}) ([1-9][0-9]{0,8}) ([0-9]{1,12}) ([01]) ([a-z0-9_]{1,64})")


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place behind which the next page begins, and what the first page said of the whole."""

    place: ListPosition
    page: int
    """The number of the next page."""
    total: int
    exact: bool


def write_cursor(cursor: Cursor) -> str:
    """The cursor as it stands in an answer."""
    milliseconds = (cursor.place.at - _EPOCH) // _MILLISECOND
    text = f"{milliseconds} {cursor.page} {cursor.total} {cursor.exact:d} {cursor.place.id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def read_cursor(text: str) -> Cursor:
    """A cursor as it comes back; raises BadRequestError."""
    cursor = _read(text)
    if cursor is None:
        raise BadRequestError("after: is not what an earlier page gave as `next`")
    return cursor


def _read(text: str) -> Cursor | None:
    try:
        found = _WRITTEN.fullmatch(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if found is None:
            return None
        milliseconds, page, total, exact = map(int, found.groups()[:4])
        return Cursor(ListPosition(_EPOCH + milliseconds * _MILLISECOND, found[5].decode()), page, total, exact == 1)
    except (ValueError, OverflowError):
        return None
