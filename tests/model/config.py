"""What is bounded, and how: the configurations."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Config:
    """One bounded world: a request, the processes that work on it, and what may go wrong."""

    name: str
    parts: tuple[tuple[str, ...], ...] = (("aa",),)
    """A string a chunk: "a" is a delivery to send, "d" one that is decided while expanding, "x" repeats the recipient
    of the first delivery, which stands in a lower part."""
    window: int = 1
    processes: int = 2
    policy: str = "mark_unknown"
    deduplicates: bool = False
    answers: str = "SRUF"
    """Sent, Retry (not sent), Uncertain (sent or not), Failed (not sent), and Z: rate-limited, no attempt spent."""
    attempts: int = 2
    crashes: int = 1
    lapses: int = 1
    """Leases that lapse, or partitions taken away, while the process lives."""
    repeats: int = 0
    """Records expanded once more after their commit."""
    receipts: int = 0
    orders: tuple[str, ...] = ()
    """What callers order about the request, one after the other: cancel, pause, resume."""
    expires: bool = False
    """`expires_at` may pass."""
    cut: bool = False
    """PART_TIMEOUT_SECONDS may run out."""
    faults: bool = False
    """A record may meet a fault of ours three times, and is refused after its part was begun."""
    facts: bool = False
    """An expansion decides something (chunk size, time) that may differ the next time."""
    forgets: bool = False
    """Chunk documents of a completed request are deleted."""
    wakes: bool = False
    overlap: bool = True
    """Events may be published while the next window is being sent."""
    at_once: bool = False
    """A retry may be due before its chunk is left."""
    records: tuple[tuple[int, int], ...] = ()
    """Records of the intake as (part, body); by default each part once."""
    rejected: int = 0
    """How many of these must end in request.rejected."""

    @property
    def careful(self) -> bool:
        """Whether `not sent` must be in the chunk before it is in a log."""
        return self.policy == "resend" or self.deduplicates
