"""Values of a claim: the request for a chunk, the token of its owner, and the claimed chunk."""

from collections.abc import Mapping
from dataclasses import dataclass

from core.chunk_work import Window
from core.ids import ChunkId
from ledger.models import Chunk
from schemas.statuses import Channel


@dataclass(frozen=True, slots=True)
class ClaimRequest:
    """Request to claim a chunk: owner, lease, and providers of its channel."""

    owner: str
    """Name of this claim alone. A repeat of the same claim finds that it owns the chunk already."""
    lease_seconds: float
    providers: Mapping[Channel, tuple[str, ...]]
    """Names of the providers by turn. A window with n attempts gets number n modulo their count."""


@dataclass(frozen=True, slots=True)
class ClaimToken:
    """Proof of a claim. Every later write to the chunk carries it (I3)."""

    chunk_id: ChunkId
    owner: str
    fence: int
    lease_seconds: float


@dataclass(frozen=True, slots=True)
class ClaimResult:
    """Claimed chunk, with the token of its owner."""

    chunk: Chunk
    token: ClaimToken
    window: Window | None
    taken_over: bool
    """True if the window was open, so that a previous owner may have sent it."""
