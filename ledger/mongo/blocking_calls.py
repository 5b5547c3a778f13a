"""MongoDB's client works in threads, and one that waits for an answer must not keep the process from ending."""

import asyncio
import contextlib
import os
import sys
import threading
from collections.abc import Callable

PATIENCE_SECONDS = 0.5


async def run_blocking(work: Callable[[], None]) -> None:
    """Do what blocks in a thread of its own; whoever gives up waiting for it may end the process all the same."""
    loop, done = asyncio.get_running_loop(), asyncio.Event()

    def run() -> None:
        work()
        with contextlib.suppress(RuntimeError):  # nobody waits any more: the loop is closed
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True).start()
    await done.wait()


def exit_without_waiting(code: int) -> None:
    """Let the process, which is about to end, do so although threads still wait; for the last line of a service."""

    def end() -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)

    last = threading.Timer(PATIENCE_SECONDS, end)
    last.daemon = True
    last.start()
