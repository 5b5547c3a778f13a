"""Bare HTTP client: deliveries per second that a gateway takes from a program which does nothing else."""

import asyncio
import time

import aiohttp

_BODY = {"id": "log_0123456789abcdefghjkmnpqrs000000000", "to": "+8613800000000", "content": "Your code is 123456"}


async def bare_rate(url: str, connections: int, calls: int) -> float:
    """Return the calls per second of concurrent callers, each with one connection and one call at a time."""
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=connections)) as session:
        began = time.monotonic()
        await asyncio.gather(*(_call(session, url, calls // connections) for _ in range(connections)))
    return calls // connections * connections / (time.monotonic() - began)


async def _call(session: aiohttp.ClientSession, url: str, calls: int) -> None:
    for _ in range(calls):
        async with session.post(url, json=_BODY) as response:
            response.raise_for_status()
            await response.read()
