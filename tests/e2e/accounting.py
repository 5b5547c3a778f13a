"""A provider in a process of its own that writes down each delivery that it accepts before it answers.

``python accounting.py PORT FILE``: an HTTP gateway on loopback. FILE holds the delivery ids it accepted, one a line,
in order, synced to the disk before the first byte of the answer. Each answer waits a little, at random.
"""

import asyncio
import json
import os
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from devstack.processes import Child, answers, free_port, wait_until_ready

LONGEST_MS = 20.0


class Ledger:
    """The file; whoever comes while it is being synced shares the next write."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._came = asyncio.Event()

    async def accept(self, delivery_id: str) -> None:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery_id, written))
        self._came.set()
        await written

    async def write(self) -> None:
        while await self._came.wait():
            self._came.clear()
            batch, self._waiting = self._waiting, []
            os.write(self._file, "".join(f"{delivery_id}\n" for delivery_id, _ in batch).encode())
            os.fsync(self._file)
            for _, written in batch:
                written.set_result(None)


async def serve(port: int, path: str) -> None:
    ledger = Ledger(path)

    async def gateway(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = head.lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
                delivery_id = json.loads(await reader.readexactly(int(length)))["id"]
                await asyncio.sleep(random.random() * LONGEST_MS / 1000)
                await ledger.accept(delivery_id)
                answer = json.dumps({"id": f"acc-{delivery_id[-9:]}"})
                writer.write(f"HTTP/1.1 202 Accepted\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode())
                await writer.drain()
        except (OSError, EOFError):
            pass  # the other side was killed
        finally:
            writer.close()

    server = await asyncio.start_server(gateway, "127.0.0.1", port, backlog=1000)
    async with server:
        await ledger.write()


class Accounting:
    """The provider as a test sees it."""

    def __init__(self, port: int, path: Path) -> None:
        self.port, self._path = port, path

    @property
    def entry(self) -> dict[str, object]:
        """Its entry in the services' settings."""
        url = f"http://127.0.0.1:{self.port}/send"
        return {"name": "accounting", "kind": "http", "channel": "sms", "url": url, "timeout_seconds": 5}

    def accepted(self) -> list[str]:
        """The delivery ids that it took, in order; more than once where it was asked more than once."""
        return self._path.read_text().split()


@contextmanager
def an_accounting_provider(folder: Path) -> Iterator[Accounting]:
    """The provider as a process of its own, which dies with this one."""
    port, path = free_port(), folder / "accepted"
    child = Child([sys.executable, "-m", "tests.e2e.accounting", str(port), str(path)], log=folder / "accounting.log")
    try:
        wait_until_ready(child, lambda: answers(port), what="the accounting provider", deadline_seconds=30)
        yield Accounting(port, path)
    finally:
        child.stop()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
