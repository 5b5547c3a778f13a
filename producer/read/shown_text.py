"""Texts in the lists of an answer, shortened so that a page of long mails is no answer of many megabytes."""

import asyncio
from collections.abc import AsyncIterable, Hashable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import TypeVar

import orjson

MAX_SHOWN_BYTES = 1024 * 1024
"""Maximum size of all texts of an answer in bytes, as JSON. Each delivery of a page has an equal part of it."""
MAX_SHOWN_BYTES_WAITING = 128 * 1024
"""The same for an answer that waits for the completion, because hundreds of them may wait in memory."""
_LONGEST_ESCAPE = 6
"""Maximum number of JSON bytes for one character, such as `\\u0000`."""
_SHORT = 4_096
"""Length of a text, in characters, whose rendering takes no time that other calls would notice."""
K = TypeVar("K", bound=Hashable)


@dataclass(frozen=True, slots=True, repr=False)
class ShownText:
    """Text of a delivery as an answer shows it."""

    text: str
    is_shortened: bool = False


def shorten(text: str, max_bytes: int) -> ShownText:
    """Return the text, or its beginning if it would take more than `max_bytes` of JSON."""
    if len(text) * _LONGEST_ESCAPE <= max_bytes:
        return ShownText(text)
    beginning = text[:max_bytes]
    size = _json_size(beginning)
    if len(text) <= max_bytes and size <= max_bytes:
        return ShownText(text)
    while size > max_bytes:
        beginning = beginning[: len(beginning) * max_bytes // size]
        size = _json_size(beginning)
    return ShownText(f"{beginning}…", is_shortened=True)


async def shorten_all(
    texts: AsyncIterable[tuple[K, str]], max_bytes: int, long_text_lock: asyncio.Lock | None = None
) -> dict[K, ShownText]:
    """Return the shortened texts by their keys. The event loop turns between long ones.

    With a lock, one call at a time has long texts in memory.
    """
    shown = {}
    async with AsyncExitStack() as stack:
        async for key, text in texts:
            if len(text) > _SHORT and long_text_lock:
                await stack.enter_async_context(long_text_lock)
                long_text_lock = None
            shown[key] = shorten(text, max_bytes)
            if len(text) > _SHORT:
                await asyncio.sleep(0)
    return shown


def _json_size(text: str) -> int:
    return len(orjson.dumps(text)) - 2
