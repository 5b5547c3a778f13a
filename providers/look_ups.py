"""Look-ups of the hosts of tenants, in threads of their own.

The look-ups of an event loop share a few threads. A tenant whose name server does not answer would occupy them, and
neither Kafka, MongoDB nor the providers of others would find their hosts.
"""

import asyncio
import contextlib
import socket
import threading

MAX_LOOK_UPS = 32
"""Maximum number of look-ups at the same time."""


class LookUps:
    """Look-ups of one event loop. Each host is looked up by one thread at a time, however many connections want it."""

    def __init__(self) -> None:
        self._threads = asyncio.Semaphore(MAX_LOOK_UPS)
        self._running: dict[str, asyncio.Task[list[str]]] = {}

    async def addresses_of(self, host: str) -> list[str]:
        """Return the addresses of a host. Raises OSError. A caller that is cancelled does not end the look-up."""
        running = self._running.get(host)
        if running is None:
            running = self._running[host] = asyncio.create_task(self._look_up(host))
            running.add_done_callback(lambda task: self._ended(host, task))
        return await asyncio.shield(running)

    def _ended(self, host: str, task: asyncio.Task[list[str]]) -> None:
        del self._running[host]
        if not task.cancelled():
            task.exception()  # asyncio would log an error that no caller waits for.

    async def _look_up(self, host: str) -> list[str]:
        async with self._threads:
            return await _in_thread(host)


async def _in_thread(host: str) -> list[str]:
    """Look a host up in a daemon thread, so that a name server that does not answer delays no exit."""
    loop, answer = asyncio.get_running_loop(), asyncio.get_running_loop().create_future()

    def settle(addresses: list[str] | None, error: Exception | None) -> None:
        if answer.done():
            return
        if error is None:
            answer.set_result(addresses)
        else:
            answer.set_exception(error)

    def run() -> None:
        addresses, problem = None, None
        try:
            found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
            addresses = list(dict.fromkeys(str(info[4][0]) for info in found))
        except Exception as error:  # noqa: BLE001  # it is raised in the caller, such as UnicodeError for a long label
            problem = error
        with contextlib.suppress(RuntimeError):  # the loop is closed, so no caller waits
            loop.call_soon_threadsafe(settle, addresses, problem)

    threading.Thread(target=run, name="tenant-look-up", daemon=True).start()
    found: list[str] = await answer
    return found
