"""Seeded traffic: requests of all sizes, both lanes, both policies, with some recipients that must not be sent to."""

import random
from dataclasses import dataclass, field
from typing import Any

from core.ids import RequestKey, request_key
from schemas.statuses import OnUncertain

TENANT = "tnt_torture"
CHUNK_SIZE = 100
LARGEST_PART = 2_000

Position = tuple[int, int]
"""(part, index in the part)."""


@dataclass
class Order:
    """One request as it is published, and what is known beforehand of its recipients."""

    request_id: str
    on_uncertain: OnUncertain
    parts: list[list[str]]
    content: str
    channel: str = "sms"
    decided: dict[Position, str] = field(default_factory=dict)
    """The status of those that are never sent to."""
    fields: dict[str, Any] = field(default_factory=dict)
    """More of the record, such as `expires_at`."""

    @property
    def key(self) -> RequestKey:
        return request_key(TENANT, self.request_id)

    @property
    def total(self) -> int:
        return sum(map(len, self.parts))

    @property
    def small(self) -> bool:
        """Whether it goes by the express lane."""
        return len(self.parts) == 1 and self.total <= CHUNK_SIZE

    def records(self) -> list[dict[str, Any]]:
        """Its records of the intake, in order."""
        shared = {
            "channel": self.channel,
            "content": self.content,
            "tenant_id": TENANT,
            "request_id": self.request_id,
            "on_uncertain": self.on_uncertain.value,
            **({"subject": "Hello"} if self.channel == "email" else {}),
            **self.fields,
        }
        return [
            {**shared, "recipients": recipients, "part": number, "last": number == len(self.parts) - 1}
            for number, recipients in enumerate(self.parts)
        ]


def draw_orders(rng: random.Random, recipients: int, *, largest: int, channel: str = "sms") -> list[Order]:
    """Requests for so many recipients in all, from one to `largest` each: many small ones, few large."""
    orders: list[Order] = []
    left = recipients
    while left > 0:
        size = min(left, max(1, round(largest ** rng.random())))
        policy = list(OnUncertain)[len(orders) % 2]
        orders.append(draw_order(rng, size, policy, channel))
        left -= size
    return orders


def draw_order(rng: random.Random, size: int, policy: OnUncertain, channel: str = "sms") -> Order:
    """One request; of each hundred recipients about one is no address, and one there before."""
    order = Order(f"{policy.value}-{rng.getrandbits(64):016x}", policy, [], f"Hello {rng.getrandbits(32):08x}", channel)
    part_size = LARGEST_PART if size > LARGEST_PART else max(1, size // rng.choice((1, 1, 2, 3)))
    base, seen = rng.randrange(10_000_000), 0
    while seen < size:
        part: list[str] = []
        for index in range(min(part_size, size - seen)):
            part.append(_draw_recipient(rng, order, (len(order.parts), index), base + seen))
            seen += 1
        order.parts.append(part)
    return order


def _draw_recipient(rng: random.Random, order: Order, at: Position, number: int) -> str:
    match rng.randrange(100):
        case 0:
            order.decided[at] = "failed"
            return "nobody"
        case 1 if at != (0, 0) and (0, 0) not in order.decided:
            order.decided[at] = "suppressed"
            return order.parts[0][0] if order.parts else _address(order, number - at[1])
    return _address(order, number)


def _address(order: Order, number: int) -> str:
    return f"r{number}@example.com" if order.channel == "email" else f"139{number:08d}"
