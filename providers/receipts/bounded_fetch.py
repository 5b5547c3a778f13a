"""Download of one small file over HTTP, bounded in time and size."""

import asyncio
from collections.abc import Awaitable, Callable

import aiohttp

from providers.http_client import open_session, read_body
from providers.receipts.receipt_format import CallbackUnavailableError

FETCH_SECONDS = 5.0
"""Maximum time of a download, in seconds. The vendor waits for the answer to its callback meanwhile."""

Fetch = Callable[[str], Awaitable[bytes | None]]
"""Function that downloads a URL. The result is None if the server refuses it. Raises CallbackUnavailableError."""


async def fetch_bounded(url: str, timeout_seconds: float = FETCH_SECONDS) -> bytes | None:
    """Return the body of a 200 of at most 64 KiB, or None for a refusal. It follows no redirect.

    Raises CallbackUnavailableError for every other answer, and for none.
    """
    try:
        async with (
            asyncio.timeout(timeout_seconds),
            open_session({"Accept-Encoding": "identity"}, None, None) as session,
            session.get(url, allow_redirects=False) as response,
        ):
            if response.status in {400, 401, 403, 404, 410}:
                return None
            content = await read_body(response) if response.status == 200 else None
    except (aiohttp.ClientError, OSError):
        content = None
    if content is None:
        raise CallbackUnavailableError("download failed")
    return content
