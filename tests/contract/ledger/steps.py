"""First steps of most contract tests of the ledger."""

from core.chunk_work import Counts
from ledger.claims import ClaimRequest, ClaimResult, ClaimToken
from ledger.models import Chunk, Log, RequestHeader, StoredRequest
from ledger.ports import Ledger
from ledger.queries import LogPage, LogQuery
from schemas.statuses import Channel, Lane, Status
from tests.support.builders import TENANT, a_chunk, a_claim, a_head, a_key, a_part

SHORT = 0.3
"""Length of a lease that the test lets expire, in seconds."""

PENDING = frozenset({Status.PENDING, Status.SCHEDULED})


async def claim_chunk(ledger: Ledger, chunk: Chunk, claim: ClaimRequest | None = None) -> ClaimResult:
    found = await ledger.chunks.claim(chunk.id, claim or a_claim())
    assert found is not None
    return found


async def insert_and_claim(ledger: Ledger, chunk: Chunk, claim: ClaimRequest | None = None) -> ClaimResult:
    await ledger.chunks.insert(chunk)
    return await claim_chunk(ledger, chunk, claim)


async def claim_due(
    ledger: Ledger, *, lane: Lane = Lane.BULK, channel: Channel = Channel.SMS, fresh: bool = False
) -> ClaimResult | None:
    """Claim a due chunk of one kind, as the sweeper does."""
    return await ledger.chunks.claim_due(lane, channel, a_claim(), never_claimed=fresh)


async def claim_any_due(ledger: Ledger) -> ClaimResult | None:
    """Claim a due chunk, deferred or never claimed, as the sweeper does."""
    return await claim_due(ledger) or await claim_due(ledger, fresh=True)


async def register_parts(ledger: Ledger, *numbers: int, last: int | None = None) -> StoredRequest:
    """Register these parts of a request."""
    for number in numbers:
        request = await ledger.requests.register_part(a_head(), a_part(number, last=number == last))
    return request


async def complete(ledger: Ledger, counts: Counts) -> StoredRequest | None:
    """Mark every registered part as expanded, and complete the request."""
    request = await ledger.requests.get(a_key())
    assert request is not None
    for number in request.parts:
        await ledger.requests.mark_part_expanded(a_key(), number)
    return await ledger.requests.complete(a_key(), counts)


async def a_request(ledger: Ledger, head: RequestHeader | None = None, *chunks: Chunk) -> None:
    """Write a request with its chunks."""
    await ledger.requests.register_part(head or a_head(), a_part(last=False))
    for chunk in chunks or (a_chunk(),):
        await ledger.chunks.insert(chunk)


async def claim_token(ledger: Ledger, chunk: Chunk) -> ClaimToken:
    taken = await ledger.chunks.claim(chunk.id, a_claim())
    assert taken is not None
    return taken.token


async def find(ledger: Ledger, **conditions: object) -> LogPage:
    return await ledger.logs.find(LogQuery(**{"tenant_id": TENANT, **conditions}))  # type: ignore[arg-type]


async def list_lines(ledger: Ledger, **conditions: object) -> list[str]:
    """Return request, position and status of each delivery on the page, such as `req-1 0.2 sent`. Check the total."""
    page = await find(ledger, **{"page_size": 100, **conditions})
    assert page.total == len(page.items)
    return [described(log) for log in page.items]


def described(log: Log) -> str:
    return f"{log.request_id} {int(log.id[-9:-5], 16)}.{int(log.id[-5:], 16)} {log.status.value}"
