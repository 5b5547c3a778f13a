"""Deliveries of a query, page by page, however many they are."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

from ledger.models import Log
from ledger.ports import Ledger
from ledger.queries import LogQuery, position_of_log

PAGE_SIZE = 500


async def log_pages(ledger: Ledger, query: LogQuery, page_size: int = PAGE_SIZE) -> AsyncIterator[Sequence[Log]]:
    """Yield the deliveries of a query in its order. One that is accepted meanwhile is left out."""
    query = replace(query, page_size=page_size, count_limit=0)
    while True:
        page = await ledger.logs.find(query)
        if page.items:
            yield page.items
        if not page.has_more:
            return
        query = replace(query, after=position_of_log(page.items[-1]))
