"""Command ``python -m bench.counting_gateway PORT``: an HTTP gateway on loopback that counts arrivals by second.

It parses as little as it can, because its own delays would count as those of the sender. POST takes a delivery. GET
returns the number of arrivals in each whole second since 1970, as a JSON object.
"""

import asyncio
import json
import re
import sys
import time
import urllib.request
from collections import Counter
from typing import ClassVar, cast

import uvloop

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
_ACCEPTED = b'{"id":"accepted"}'


class CountingGateway(asyncio.Protocol):
    """One connection. All connections share the counts."""

    counts: ClassVar[Counter[int]] = Counter()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin a connection."""
        self._transport, self._received = cast("asyncio.Transport", transport), b""

    def data_received(self, data: bytes) -> None:
        """Count and answer each request that is complete."""
        self._received += data
        while True:
            head, separator, rest = self._received.partition(b"\r\n\r\n")
            if not separator:
                return
            found = _LENGTH.search(head)
            size = int(found[1]) if found else 0
            if len(rest) < size:
                return
            self._received = rest[size:]
            self._answer(self._counted(head))

    def _counted(self, head: bytes) -> bytes:
        if head.startswith(b"GET"):
            return json.dumps(self.counts).encode()
        self.counts[int(time.time())] += 1
        return _ACCEPTED

    def _answer(self, body: bytes) -> None:
        head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
        self._transport.write(head.encode() + body)


def arrivals(url: str) -> dict[int, int]:
    """Return the number of arrivals in each second at the gateway of a URL."""
    with urllib.request.urlopen(url, timeout=10) as response:
        return {int(second): number for second, number in json.load(response).items()}


async def serve(port: int) -> None:
    """Serve until the process ends."""
    server = await asyncio.get_running_loop().create_server(CountingGateway, "127.0.0.1", port, backlog=1000)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
