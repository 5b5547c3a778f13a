"""Blocking calls in threads of their own. A MongoDB client that waits for an answer must not delay the process exit."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable

_EXIT_DELAY_SECONDS = 0.5
"""Time for the remaining work of the event loop before the process exits, in seconds."""


async def run_blocking(work: Callable[[], None]) -> None:
    """Run a blocking call in a daemon thread. A caller that stops waiting for it may still end the process."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        work()
        with contextlib.suppress(RuntimeError):  # the loop is closed, so no caller waits
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True).start()
    await done.wait()


def exit_without_waiting(code: int) -> None:
    """End the process soon, although threads still wait. Call it as the last line of a service."""

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    last = threading.Timer(_EXIT_DELAY_SECONDS, end)
    last.daemon = True
    last.start()
