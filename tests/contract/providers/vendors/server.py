"""Base of a vendor's local server: HTTP requests in, the vendor's documented answers out."""

import asyncio
import json
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

from schemas.statuses import Channel
from tests.contract.providers.servers import Act, Peer


def address_for(channel: Channel, act: Act, number: int = 0) -> str:
    """Return an address that asks for a behaviour. Each number has its own."""
    if channel is Channel.SMS:
        return f"+86138{number:07d}{list(Act).index(act)}"
    return f"{act}.geheim{number or ''}@example.com"


def act_at(address: str) -> Act:
    """Return the behaviour that an address asks for."""
    if "@" in address:
        return Act(address.partition(".")[0])
    return list(Act)[int(address[-1])]


class Request(NamedTuple):
    """One HTTP request, as the server read it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Headers by their names in small letters."""
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    def form(self) -> dict[str, str]:
        return dict(parse_qsl(self.body.decode(), keep_blank_values=True, strict_parsing=True))


class Answer(NamedTuple):
    """Response of a vendor. A body that is not bytes is written as JSON."""

    status: int
    body: Any = b""
    headers: dict[str, str] = {}  # noqa: RUF012  # never changed

    def encode(self) -> bytes:
        body = self.body if isinstance(self.body, bytes) else json.dumps(self.body).encode()
        headers = {"Content-Type": "application/json", **self.headers, "Content-Length": str(len(body))}
        lines = [f"HTTP/1.1 {self.status} status", *(f"{name}: {value}" for name, value in headers.items())]
        return "\r\n".join([*lines, "", ""]).encode() + body


class VendorServer(Peer):
    """Server of one vendor. `respond` checks a request and answers it as the vendor documents."""

    def __init__(self) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.ids: dict[str, str] = {}
        """Message ids that the server gave, by delivery id."""
        self.strange: bytes | None = None
        """Exact bytes to answer instead. If the body is shorter than its length, the connection is cut after it."""
        self.answer_seconds = 0.0
        """Time from taking the messages to the answer."""

    @abstractmethod
    def respond(self, request: Request) -> Answer:
        """Check the request, take its messages, and answer. Use `act_of` for what the addresses ask for.

        An OSError cuts the connection without an answer.
        """

    @abstractmethod
    def addresses(self, request: Request) -> Sequence[str]:
        """Return the addresses of the messages of a request, in order."""

    def act_of(self, addresses: Sequence[str]) -> Act:
        """Return the behaviour that concerns the whole call, or TAKE. REFUSE concerns one message."""
        asked = set(map(act_at, addresses)) - {Act.TAKE, Act.REFUSE}
        return min(asked, key=list(Act).index) if asked else Act.TAKE

    def refused(self, addresses: Sequence[str]) -> list[int]:
        """Return the places of the addresses that are refused."""
        return [place for place, address in enumerate(addresses) if act_at(address) is Act.REFUSE]

    def take(self, delivery_id: str, message_id: str) -> None:
        self.taken.append(delivery_id)
        self.ids[delivery_id] = message_id

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readuntil(b"\r\n\r\n"):
            request = await _read(head, reader)
            self.requests.append(request)
            self.arrived += 1
            act = self.act_of(self.addresses(request))
            if act is Act.HANG:
                await reader.read()
                return
            if act is Act.CUT:
                return
            if act is Act.GIBBERISH:
                writer.write(b"220 " + b" ".join(address.encode() for address in self.addresses(request)) + b"\r\n\r\n")
                return
            answer = self.strange or self.respond(request).encode()
            await asyncio.sleep(self.answer_seconds)
            writer.write(answer)
            await writer.drain()
            if self.strange and _is_cut(self.strange):
                return


async def _read(head: bytes, reader: asyncio.StreamReader) -> Request:
    first, *lines = head.decode().split("\r\n")[:-2]
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    return Request(method, parts.path, dict(parse_qsl(parts.query, keep_blank_values=True)), headers, body)


def _is_cut(answer: bytes) -> bool:
    head, _, body = answer.partition(b"\r\n\r\n")
    return len(body) < int(head.partition(b"Content-Length: ")[2].split(b"\r\n")[0])
