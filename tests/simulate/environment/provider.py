"""Simulated provider. It gives every possible answer, and keeps its own record of accepted messages."""

import asyncio
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from core.send_result import Failed, Message, Retry, SendResult, Sent, Uncertain
from providers.draft import WITHDRAWN
from providers.provider import NO_FREE_CONNECTION
from schemas.statuses import Channel, Reason

NICE: Mapping[str, float] = {"sent": 1.0}
MOODS: tuple[Mapping[str, float], ...] = (
    NICE,
    {"sent": 8, "slow": 2, "late": 1},
    {"sent": 6, "unavailable": 2, "limited": 2, "busy": 2, "failed": 1},
    {"sent": 6, "silent, taken": 1, "silent, not taken": 1, "failed": 1},
    {"sent": 5, "hang, taken": 1, "hang, taken later": 1, "hang, not taken": 1, "slow": 2},
    {"sent": 5, "unavailable": 1, "limited": 1, "failed": 1, "silent, taken": 1, "silent, not taken": 1}
    | {"hang, taken later": 0.5, "slow": 1, "raises": 0.5},
    {"sent": 1, "unavailable": 5, "failed": 1, "silent, taken": 1},
    {"sent": 2, "failed": 2, "silent, taken": 1, "silent, not taken": 1},
)
HEALED: Mapping[str, float] = {"sent": 8, "failed": 1, "unavailable": 1}


@dataclass
class Side:
    """State of one provider, shared by all processes."""

    name: str
    channel: Channel
    deduplicates: bool
    rate_per_second: float | None
    timeout_seconds: float
    rng: random.Random
    mood: Mapping[str, float]
    later: Callable[[float, Callable[[], None]], None]
    """Function that runs a callback after this many seconds, even if the calling process dies."""
    taken: Counter[str] = field(default_factory=Counter)
    taken_at: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    offered: Counter[str] = field(default_factory=Counter)
    refused: set[str] = field(default_factory=set)
    doubts: set[str] = field(default_factory=set)
    """Deliveries whose sender may not know the result because of the answer of the provider."""
    texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Recipient and text of each accepted message."""
    clock: Callable[[], float] = float
    batch_size: int = 1
    cut_share: float = 0.2
    """Share of the calls with several messages that end without an answer, after some of the messages."""
    on_take: Callable[[Message], None] | None = None
    """Function that receives each accepted message."""

    def take(self, message: Message) -> None:
        """Accept a message. A provider that deduplicates accepts a delivery once, and never one that it refused."""
        if self.deduplicates and (self.taken[message.id] or message.id in self.refused):
            return
        self.taken[message.id] += 1
        self.taken_at[message.id].append(self.clock())
        self.texts[message.id] = (message.to, message.text)
        if self.on_take:
            self.on_take(message)

    async def send(self, messages: Sequence[Message], may_leave: Callable[[], bool]) -> list[SendResult]:
        """Answer the messages of a call, each with its own answer. Some calls end in the middle, without an answer.

        A message that may not leave any more is withdrawn.
        """
        if len(messages) > 1 and self.rng.random() < self.cut_share:
            for message in messages[: self.rng.randrange(len(messages) + 1)]:
                self.offered[message.id] += 1
                self.take(message)
            return self.no_answer(messages, "cut in the middle")
        try:
            return [await self._send_one(message) if may_leave() else WITHDRAWN for message in messages]
        except RuntimeError:
            self.doubts.update(message.id for message in messages)
            raise

    def no_answer(self, messages: Sequence[Message], why: str) -> list[SendResult]:
        """Note that the sender cannot know what happened to these messages."""
        self.doubts.update(message.id for message in messages)
        return [Uncertain(Reason.NO_ANSWER, why)] * len(messages)

    async def _send_one(self, message: Message) -> SendResult:
        """Draw an answer. Count the deliveries that are offered to the provider, which `busy` does not do."""
        kinds = list(self.mood)
        kind = self.rng.choices(kinds, [self.mood[one] for one in kinds])[0]
        if self.deduplicates and self.taken[message.id] and kind in {"failed", "unavailable"}:
            kind = "sent"
        if self.deduplicates and message.id in self.refused:
            kind = "failed"
        self.offered[message.id] += kind != "busy"
        return await self._in(kind, message)

    async def _in(self, kind: str, message: Message) -> SendResult:
        timeout, draw = self.timeout_seconds, self.rng.random
        match kind:
            case "sent":
                self.take(message)
            case "slow":
                self.take(message)
                await asyncio.sleep(draw() * timeout)
            case "late":
                await asyncio.sleep(draw() * timeout)
                self.take(message)
            case "unavailable":
                return Retry(Reason.UNAVAILABLE, None, draw() * 3 if draw() < 0.5 else None)
            case "limited":
                return Retry(Reason.RATE_LIMITED, None, draw() * 3 if draw() < 0.5 else None)
            case "busy":
                return NO_FREE_CONNECTION
            case "failed":
                self.refused.add(message.id)
                return Failed(Reason.REJECTED)
            case _:
                self.doubts.add(message.id)
                return await self._without_answer(kind, message)
        return Sent(message_id_of(message.id))

    async def _without_answer(self, kind: str, message: Message) -> SendResult:
        if kind.endswith(", taken") or kind == "raises":
            self.take(message)
        if kind == "raises":
            raise RuntimeError("a provider that breaks its promise")
        if kind == "hang, taken later":
            self.later(self.rng.random() * 2 * self.timeout_seconds, lambda: self.take(message))
        if kind.startswith("hang"):
            await asyncio.sleep(self.timeout_seconds)
        return Uncertain(Reason.NO_ANSWER)


def message_id_of(delivery: str) -> str:
    """Return the id that each provider gives to the message of a delivery."""
    return f"m-{delivery[4:]}"
