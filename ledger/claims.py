"""Values of a claim: the request for a chunk, the token of its owner, and the claimed chunk."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from sys import getsizeof

from core.chunk_work import Window
from core.ids import ChunkId
from ledger.models import Chunk


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Request to claim a chunk: owner and lease."""

    owner: str
    """Name of this claim alone. A repeat of the same claim finds that it owns the chunk already."""
    lease_seconds: float


Claim = Callable[[ClaimRequest], Awaitable["ClaimResult | None"]]
"""Call of the ledger that claims a chunk, or returns None."""


@dataclass(frozen=True, slots=True)
class ClaimToken:
    """Proof of a claim. Every later write to the chunk carries it (I3)."""

    chunk_id: ChunkId
    owner: str
    fence: int
    lease_seconds: float
    in_request: bool = False
    """See `Chunk.in_request`."""


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """Claimed chunk, with the token of its owner."""

    chunk: Chunk
    token: ClaimToken
    window: Window | None
    taken_over: bool
    """True if the window was open, so that a previous owner may have sent it."""

    @property
    def data_bytes(self) -> int:
        """Return the number of bytes of all that the chunk says about single recipients, except its work."""
        chunk = self.chunk
        references = sum(getsizeof(reference) for reference in chunk.references or () if reference)
        secrets = sum(map(len, chunk.sealed_secrets.values()))
        return len(chunk.sealed) + secrets + references + len(chunk.hashes) + sum(map(len, chunk.masked))

    def without_data(self) -> "ClaimResult":
        """Return the claim without what the chunk says about single recipients, except its work."""
        chunk = replace(
            self.chunk, masked=(), hashes=b"", references=None, sealed=b"", resend_of=None, sealed_secrets={}
        )
        return replace(self, chunk=chunk)

    def with_data_of(self, stored: Chunk) -> "ClaimResult":
        """Return the claim with what the stored chunk says about single recipients. Its work stays as claimed."""
        chunk = replace(
            self.chunk,
            masked=stored.masked,
            hashes=stored.hashes,
            references=stored.references,
            sealed=stored.sealed,
            resend_of=stored.resend_of,
            sealed_secrets=stored.sealed_secrets,
        )
        return replace(self, chunk=chunk)


def first_claim(chunk: Chunk, claim: ClaimRequest) -> ClaimResult:
    """Return the claim of a chunk that is written together with it. The next batch is the first window (I4)."""
    window = Window.of(chunk.work.next) if chunk.work.next else None
    claimed = replace(chunk, work=replace(chunk.work, next=None))
    token = ClaimToken(chunk.id, claim.owner, 1, claim.lease_seconds, chunk.in_request)
    return ClaimResult(claimed, token, window, taken_over=False)
