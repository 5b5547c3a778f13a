"""Pages of lists that grow: by number near the front, behind a cursor everywhere."""

from dataclasses import dataclass

from ledger.queries import ListPosition
from producer.errors import BadRequestError
from producer.read.cursor import Cursor, read_cursor, write_cursor
from schemas.http_responses import PageInfo
from schemas.read_requests import MAX_DEPTH


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Which page was asked for."""

    number: int
    size: int
    cursor: Cursor | None

    @property
    def after(self) -> ListPosition | None:
        """The place behind which the page begins."""
        return self.cursor.place if self.cursor else None

    @property
    def count_to(self) -> int:
        """How far the whole is to be counted: one more than is said; not again on every page behind a cursor."""
        return 0 if self.cursor else MAX_DEPTH + 1

    def info(self, found: int, last: ListPosition | None, *, more: bool, exact: bool) -> PageInfo:
        """Where the page stands: `found` were counted, and `last` is the place of its last item."""
        total = self.cursor.total if self.cursor else min(found, MAX_DEPTH) if not exact else found
        exact = self.cursor.exact if self.cursor else exact
        follows = Cursor(last, self.number + 1, total, exact) if last and more else None
        return PageInfo(
            page=self.number,
            page_size=self.size,
            total=total,
            total_pages=-(-total // self.size),
            has_next=more,
            has_prev=self.number > 1,
            next=write_cursor(follows) if follows else None,
            more_than_total=None if exact else True,
        )


def parse_page_request(page: int | None, page_size: int, after: str | None) -> PageRequest:
    """Read which page is wanted; raises BadRequestError."""
    if after is not None:
        if page is not None:
            raise BadRequestError("page: is known from `after`; give one of them")
        cursor = read_cursor(after)
        return PageRequest(cursor.page, page_size, cursor)
    number = page or 1
    if number * page_size > MAX_DEPTH:
        raise BadRequestError(f"page: reaches {MAX_DEPTH} items deep; read on with `after`, or narrow the list")
    return PageRequest(number, page_size, None)
