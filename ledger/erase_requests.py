"""Erasure of requests whose deliveries all concern one person: those of a user, and those to a single recipient."""

from core.ids import ChunkId, RequestKey
from ledger.erasure_port import Erasure
from ledger.erasure_progress import ErasureProgress
from ledger.log_pages import log_pages
from ledger.personal_data_port import Pseudonym
from ledger.ports import Ledger
from ledger.queries import LogQuery, RequestQuery, position_of_request
from ledger.request_control import cancel_request
from schemas.statuses import WITHOUT_LOG, Status

REQUESTS_AT_ONCE = 100
CHUNKS_AT_ONCE = 50
"""Number of chunks that are erased in one write. Each is rewritten as a whole, tens of kilobytes."""
WITH_LOG = frozenset(Status) - WITHOUT_LOG
"""Statuses of a delivery that has its log."""


async def erase_user(ledger: Ledger, erasure: Erasure, user_id: str, progress: ErasureProgress) -> None:
    """Cancel the open requests of a user, and erase those that are completed.

    The user of a request is replaced last. Until then the query finds the request again.
    """
    pseudonym, after = Pseudonym.of(erasure.id), None
    while True:
        query = RequestQuery(erasure.tenant_id, user_id, after, page_size=REQUESTS_AT_ONCE, count_limit=0)
        page = await ledger.requests.find_page(query)
        for request in page.items:
            if request.header.accepted_at <= erasure.before:
                await erase_request(ledger, request.header.key, pseudonym, progress, user=pseudonym.text)
        await progress.checkpoint()
        if not page.items or not page.has_more:
            return
        after = position_of_request(page.items[-1])


async def erase_request(
    ledger: Ledger, key: RequestKey, pseudonym: Pseudonym, progress: ErasureProgress, *, user: str | None = None
) -> None:
    """Cancel a request, or erase it if its completion is published. With `user` it replaces the user.

    The logs go last, because a recipient is found by them. A published completion means that no event is repeated.
    """
    request = await ledger.requests.get(key)
    if request is None:
        return
    if not request.completion_published:
        if not request.cancelled:
            await cancel_request(ledger, key)
            progress.count("requests_cancelled")
        progress.leave_open()
        return
    chunk: ChunkId | None = None
    while chunk := await ledger.personal_data.erase_chunks(key, pseudonym, chunk, CHUNKS_AT_ONCE):
        await progress.checkpoint()
    await ledger.personal_data.erase_texts(key)
    await _erase_logs(ledger, LogQuery(request.header.tenant_id, key=key, statuses=WITH_LOG), pseudonym, progress, user)
    if user is not None:
        await ledger.personal_data.replace_user(key, user)
    progress.count("requests")


async def _erase_logs(
    ledger: Ledger, of_request: LogQuery, pseudonym: Pseudonym, progress: ErasureProgress, user: str | None
) -> None:
    async for page in log_pages(ledger, of_request):
        number = await ledger.personal_data.erase_logs([log.id for log in page], pseudonym, user)
        progress.count("deliveries", number)
        await progress.checkpoint()
