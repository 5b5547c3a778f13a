"""Handover of a small request from its expansion to its delivery in the same process, without a wake-up message."""

from collections.abc import Awaitable, Callable

from consumer.flow_control.slots import SlotKey
from core.ids import ChunkId

ClaimNow = Callable[[SlotKey, ChunkId], Awaitable[bool]]
"""Claims a chunk if a slot is free, and starts to work on it. Returns False if a wake-up message must be published."""


class Handover:
    """Connects the expansion with the slots for wake-up messages. Without slots, every chunk needs a message."""

    def __init__(self) -> None:
        self._claim_now: ClaimNow | None = None

    def connect(self, claim_now: ClaimNow) -> None:
        """Claim through this function from now on."""
        self._claim_now = claim_now

    async def claim(self, kind: SlotKey, chunk: ChunkId) -> bool:
        """Claim a chunk for this process. Return False if it needs a wake-up message."""
        return self._claim_now is not None and await self._claim_now(kind, chunk)
