"""Polling for a state that no event announces, with a deadline."""

import asyncio
import inspect
import time
from collections.abc import Callable
from typing import Any

_FIRST_PAUSE_SECONDS = 0.001
_LONGEST_PAUSE_SECONDS = 0.05
"""Each pause is twice as long as the previous one, up to this limit."""


async def wait_until(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Poll until the condition holds, and return its result. The condition may be a coroutine function.

    Raises TimeoutError.
    """
    pause = _FIRST_PAUSE_SECONDS
    try:
        async with asyncio.timeout(seconds):
            while not (result := await _result_of(condition)):
                await asyncio.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    except TimeoutError as error:
        raise TimeoutError(_too_late(seconds)) from error
    return result


def wait_until_sync(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """Poll until the condition holds, and return its result, without an event loop. Raises TimeoutError."""
    end = time.monotonic() + seconds
    pause = _FIRST_PAUSE_SECONDS
    while not (result := condition()):
        if time.monotonic() > end:
            raise TimeoutError(_too_late(seconds))
        time.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
    return result


async def _result_of(condition: Callable[[], Any]) -> Any:
    result = condition()
    return await result if inspect.isawaitable(result) else result


def _too_late(seconds: float) -> str:
    return f"the condition did not hold within {seconds:g} s"
