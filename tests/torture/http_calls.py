"""Calls of a tenant's program to a producer, which repeats a call with its key until it is answered with 200."""

import contextlib

import httpx

from cli.admin.development_token import issue_token
from schemas.statuses import OnUncertain
from tests.support.deployment import Service
from tests.torture.traffic import CHUNK_SIZE, TENANT, Order
from tests.torture.world import World


def draw_http_order(world: World, number: int) -> Order:
    """A small one: its recipients are one part, whatever the service makes of it."""
    rng = world.round_.rng
    first = rng.randrange(10_000_000)
    recipients = [f"139{first + index:08d}" for index in range(rng.randint(1, CHUNK_SIZE))]
    policy = list(OnUncertain)[number // 2 % 2]
    return Order(f"order-{rng.getrandbits(64):016x}", policy, [recipients], f"Hello {number}")


async def post(world: World, service: Service, order: Order) -> int | None:
    """What it answers; None: nothing."""
    (record,) = order.records()
    body = {name: record[name] for name in ("channel", "content", "recipients", "on_uncertain")}
    token = issue_token(world.deployment.env["ROLLCALL_JWT_SECRET"], TENANT, "usr_torture", ["communication:send"], 600)
    headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": order.request_id}
    with contextlib.suppress(httpx.TransportError):
        async with httpx.AsyncClient(base_url=service.url, headers=headers, timeout=30, trust_env=False) as client:
            return (await client.post("/communication/bulk", json=body)).status_code
    return None
