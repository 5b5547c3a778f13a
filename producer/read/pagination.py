"""Pages of growing lists: by number near the beginning of the list, after a cursor everywhere."""

from dataclasses import dataclass

from ledger.queries import ListPosition
from producer.errors import BadRequestError
from producer.read.cursor import Cursor, read_cursor, write_cursor
from schemas.http_responses import PageInfo
from schemas.query_parameters import MAX_DEPTH


@dataclass(frozen=True, slots=True)
class PageRequest:
    """The page that the caller asked for."""

    number: int
    size: int
    cursor: Cursor | None

    @property
    def after(self) -> ListPosition | None:
        """Return the position after which the page begins."""
        return self.cursor.position if self.cursor else None

    @property
    def count_to(self) -> int:
        """Return the limit for counting the list: one more than the maximum total, or 0 if a cursor has the total."""
        return 0 if self.cursor else MAX_DEPTH + 1

    def info(self, counted: int, last: ListPosition | None, *, more: bool, exact: bool) -> PageInfo:
        """Return the description of the page. `counted` items were counted. `last` is the last position."""
        total = self.cursor.total if self.cursor else min(counted, MAX_DEPTH) if not exact else counted
        exact = self.cursor.exact if self.cursor else exact
        next_cursor = Cursor(last, self.number + 1, total, exact) if last and more else None
        return PageInfo(
            page=self.number,
            page_size=self.size,
            total=total,
            total_pages=-(-total // self.size),
            has_next=more,
            has_prev=self.number > 1,
            next=write_cursor(next_cursor) if next_cursor else None,
            more_than_total=None if exact else True,
        )


def parse_page_request(page: int | None, page_size: int, after: str | None) -> PageRequest:
    """Return the page that the parameters select. Raises BadRequestError."""
    if after is not None:
        if page is not None:
            raise BadRequestError("page: must not be given together with `after`")
        cursor = read_cursor(after)
        return PageRequest(cursor.page, page_size, cursor)
    number = page or 1
    if number * page_size > MAX_DEPTH:
        raise BadRequestError(
            f"page: must end within the first {MAX_DEPTH:,} items. Continue with `after` or filter further."
        )
    return PageRequest(number, page_size, None)
