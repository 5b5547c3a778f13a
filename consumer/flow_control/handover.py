"""Handover of a small request from its expansion to its delivery in the same process, without a wake-up message."""

from typing import Protocol

from consumer.flow_control.slots import SlotKey
from ledger.claims import Claim


class ClaimNow(Protocol):
    """Function that claims a chunk if a slot is free, and starts to work on it."""

    async def __call__(self, kind: SlotKey, claim: Claim, *, is_new: bool) -> bool | None:
        """Return whether the chunk was claimed, or None if no slot is free."""


class Handover:
    """Connects the expansion with the slots for wake-up messages. Without slots, every chunk needs a message."""

    def __init__(self) -> None:
        self._claim_now: ClaimNow | None = None

    def connect(self, claim_now: ClaimNow) -> None:
        """Claim through this function from now on."""
        self._claim_now = claim_now

    async def claim(self, kind: SlotKey, claim: Claim, *, is_new: bool = False) -> bool | None:
        """Claim a chunk for this process. Return None if no slot is free, and False if the claim was refused.

        `is_new` says that the claim writes the chunk as well.
        """
        return None if self._claim_now is None else await self._claim_now(kind, claim, is_new=is_new)
