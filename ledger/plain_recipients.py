"""Plain addresses of deliveries, as far as they are still sealed."""

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from core.ids import ChunkId, LogId, chunk_id, position
from ledger.chunk_recipients import open_recipients
from ledger.errors import SealingError
from ledger.models import Log
from ledger.ports import Ledger
from ledger.sealing import Sealer


async def plain_recipients(ledger: Ledger, sealer: Sealer, logs: Sequence[Log]) -> dict[LogId, str]:
    """Return the address of each delivery, except those that are erased or whose key is missing."""
    positions = [(log.id, place) for log in logs if (place := position(log.id))]
    requests = await ledger.requests.get_many(list({key for _, (key, _, _) in positions}))
    places: dict[ChunkId, list[tuple[LogId, int]]] = defaultdict(list)
    for log_id, (key, part, index) in positions:
        if key in requests and part in requests[key].parts:
            first = index - index % requests[key].parts[part].chunk_size
            places[chunk_id(key, part, first)].append((log_id, index - first))
    found: dict[LogId, str] = {}
    for chunk, sealed in (await ledger.chunks.get_sealed(list(places))).items():
        with suppress(SealingError):
            recipients = open_recipients(sealer, chunk, sealed)
            found |= {log_id: recipients[place][0] for log_id, place in places[chunk]}
    return {log_id: address for log_id, address in found.items() if address}
