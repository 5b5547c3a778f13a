"""Attacks by how a call is made: headers, bodies that stop, floods, garbage, topics for replies."""

import asyncio
import json
from typing import Any

from tests.torture.attacks.hostile_tenant import HostileTenant, attack

SEARCH = "/communication/logs/search"
FLOOD_CONNECTIONS = 4
FLOOD_CALLS = 50
HALF_BODIES = 6
HALF_SECONDS = 20.0


@attack("one header keeps the event loop for seconds", pause_seconds=0.2)
async def long_prefer(hostile: HostileTenant) -> None:
    blanks = hostile.rng.choice((1_000, 14_000, 60_000))
    await hostile.post(_sms(hostile), {"Prefer": "a" + " " * blanks + '"'})


@attack("a body of 1 MB takes 700 MB to validate", pause_seconds=0.3)
async def large_search(hostile: HostileTenant) -> None:
    body = hostile.rng.choice(
        (
            {"status": [1] * 500_000},
            {f"n{number}": 1 for number in range(70_000)},
            {"status": ["sent"] * 100_000},
        )
    )
    await hostile.call("POST", SEARCH, json.dumps(body, separators=(",", ":")).encode())


@attack("bodies that stop keep the room of all large bodies", pause_seconds=0.5)
async def half_bodies(hostile: HostileTenant) -> None:
    """Some send nothing more, some send a byte now and then."""

    async def stall(number: int) -> None:
        async with hostile.connection() as connection:
            path = SEARCH if number % 2 else "/communication/bulk"
            connection.writer.write(hostile.head("POST", path, {}, length=1_000_000) + b'{"a":"' + b"x" * 300_000)
            answer = asyncio.create_task(connection.answer())
            try:
                for _ in range(round(HALF_SECONDS)):
                    if (await asyncio.wait({answer}, timeout=1.0))[0]:
                        break
                    if number % 3:
                        connection.writer.write(b"x")
            finally:
                answer.cancel()
                await asyncio.gather(answer, return_exceptions=True)

    await asyncio.gather(*(stall(number) for number in range(HALF_BODIES)))


@attack("small calls take the producer, and their requests the slots of the consumers", pause_seconds=0.1)
async def flood_of_small_calls(hostile: HostileTenant) -> None:
    await _flood(hostile, lambda: json.dumps(_sms(hostile)).encode())


@attack("refused calls cost nearly as much as good ones", pause_seconds=0.1)
async def flood_of_garbage(hostile: HostileTenant) -> None:
    """Bodies that are no request. Every tenth call is no HTTP."""
    garbage = [b"{", b"[" * 5_000, b'{"recipients":' + b"[" * 900 + b"]" * 900 + b"}", b"\xff\xfe", b'{"x.y.z":1}']
    await _flood(hostile, lambda: hostile.rng.choice(garbage))
    async with hostile.connection() as connection:
        connection.writer.write(hostile.rng.randbytes(2_000) + b"\r\n\r\n")
        await connection.answer()


@attack("heads, targets and idempotency keys of any size", pause_seconds=0.3)
async def odd_heads(hostile: HostileTenant) -> None:
    heads: list[tuple[str, dict[str, str]]] = [
        ("/communication/logs?cursor=" + "x" * 60_000, {}),
        ("/communication/logs?" + "&".join(f"to={number}" for number in range(8_000)), {}),
        ("/communication/logs", {f"X-{number}": "y" for number in range(2_000)}),
        ("/communication/logs", {"Authorization": "Bearer " + "a." * 20_000}),
        ("/communication/logs", {"traceparent": "0" * 60_000, "X-Request-Id": "z" * 60_000}),
        ("/communication/logs", {"If-None-Match": '"' + "," * 60_000}),
    ]
    for path, headers in heads:
        await hostile.call("GET", path, headers=headers)
    await hostile.post(_sms(hostile), {"Idempotency-Key": "k" * 60_000})


@attack("errors for each item of a list", pause_seconds=0.3)
async def lists_of_errors(hostile: HostileTenant) -> None:
    items: Any = hostile.rng.choice(([1] * 400_000, [{"to": 1, "a": 2}] * 60_000, [[]] * 300_000))
    await hostile.post({"channel": "sms", "content": "x", "recipients": items})


@attack("each request without a place for its events counts against the intake", pause_seconds=0.05)
async def endless_reply_topics(hostile: HostileTenant) -> None:
    """Topics that do not exist. The row makes one that refuses every event."""
    name = hostile.rng.choice((f"replies.{hostile.rng.getrandbits(64):x}", hostile.env["REFUSING_TOPIC"]))
    await hostile.post({**_sms(hostile), "reply_topic": name})


def _sms(hostile: HostileTenant) -> dict[str, Any]:
    return {"channel": "sms", "content": "Hello", "recipients": [hostile.number()]}


async def _flood(hostile: HostileTenant, body: Any) -> None:
    """Calls one after the other over a few connections."""

    async def flow() -> None:
        async with hostile.connection() as connection:
            for _ in range(FLOOD_CALLS):
                said = body()
                await connection.call(hostile.head("POST", "/communication/bulk", {}, len(said)) + said)

    await asyncio.gather(*(flow() for _ in range(FLOOD_CONNECTIONS)))
