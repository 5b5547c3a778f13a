"""Values of a chunk in memory."""

from collections import Counter
from collections.abc import Collection
from dataclasses import replace

from core.chunk_work import Work
from ledger.models import Chunk
from ledger.sealing import HASH_BYTES


def without_secrets(chunk: Chunk, indices: Collection[int]) -> Chunk:
    """Return the chunk without the secret variables of these deliveries."""
    kept = {index: sealed for index, sealed in chunk.sealed_secrets.items() if index not in indices}
    return replace(chunk, sealed_secrets=kept) if indices else chunk


def copy_work(work: Work) -> Work:
    """Return the work with a copy of its counts, because the caller may change its own counts later."""
    return replace(work, counts=Counter(work.counts))


def hash_slices(hashes: bytes) -> list[bytes]:
    """Split the hashes of a chunk, one for each recipient."""
    return [hashes[at : at + HASH_BYTES] for at in range(0, len(hashes), HASH_BYTES)]
