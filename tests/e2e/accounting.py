"""A provider in a process of its own that writes down each delivery that it accepts before it answers.

``python accounting.py PORT FILE``: an HTTP gateway on loopback. FILE holds what it accepted, one a line, in order,
synced to the disk before the first byte of the answer: the delivery id, a tab, address and text as JSON. Each answer
waits a little, at random. `RecordingProviderProcess.misbehave` changes that while it runs, for one path or for all.
"""

import asyncio
import json
import os
import random
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devstack.processes import Child, answers, free_port, wait_until_ready

LONGEST_MS = 20.0
MODES = {
    "slow": "accepts, and answers after `seconds`: in time or too late is up to the caller",
    "cut": "accepts, and cuts the connection",
    "hang": "does not accept, and answers nothing for `seconds`",
    "throttle": "429 with Retry-After `seconds`",
    "fault": "500",
    "refuse": "400",
}


class Ledger:
    """The file; whoever comes while it is being synced shares the next write."""

    def __init__(self, path: str) -> None:
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        self._waiting: list[tuple[str, asyncio.Future[None]]] = []
        self._came = asyncio.Event()

    async def accept(self, line: str) -> None:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((line, written))
        self._came.set()
        await written

    async def write(self) -> None:
        while await self._came.wait():
            self._came.clear()
            batch, self._waiting = self._waiting, []
            os.write(self._file, "".join(f"{line}\n" for line, _ in batch).encode())
            os.fsync(self._file)
            for _, written in batch:
                written.set_result(None)


@dataclass
class Gateway:
    """What is done with a request."""

    ledger: Ledger
    modes: dict[str, dict[str, Any]] = field(default_factory=dict)
    """By path."""
    calls: Counter[str] = field(default_factory=Counter)
    """How often each delivery was asked for, accepted or not."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := (await reader.readuntil(b"\r\n\r\n")).decode("latin-1"):
                length = head.lower().partition("content-length:")[2].partition("\r\n")[0]
                said = json.loads(await reader.readexactly(int(length)))
                answer = await self._answer(head.split(" ", 2)[1], said)
                if answer is None:
                    break
                status, body, more = answer
                text = json.dumps(body)
                lines = [f"HTTP/1.1 {status} -", f"Content-Length: {len(text)}", *more]
                writer.write(("\r\n".join(lines) + f"\r\n\r\n{text}").encode())
                await writer.drain()
        except (OSError, EOFError):
            pass  # the other side was killed
        finally:
            writer.close()

    async def _answer(self, path: str, said: dict[str, Any]) -> tuple[int, Any, list[str]] | None:
        """Status, body and further headers; None: the connection is cut."""
        if path == "/modes":
            self.modes = said
            return 200, {}, []
        if path == "/calls":
            return 200, self.calls, []
        self.calls[said["id"]] += 1
        await asyncio.sleep(random.random() * LONGEST_MS / 1000)
        asked = self.modes.get(path, {})
        mode = asked.get("mode") if random.random() < asked.get("share", 1) else None
        match mode:
            case "hang":
                await asyncio.sleep(asked["seconds"])
                return None
            case "throttle":
                return 429, {}, [f"Retry-After: {asked['seconds']:g}"]
            case "fault":
                return 500, {}, []
            case "refuse":
                return 400, {}, []
        await self.ledger.accept(f"{said['id']}\t{json.dumps([said['to'], said['text']])}")
        if mode == "slow":
            await asyncio.sleep(asked["seconds"])
        return None if mode == "cut" else (202, {"id": f"acc-{said['id'][-9:]}"}, [])


async def serve(port: int, path: str) -> None:
    ledger = Ledger(path)
    server = await asyncio.start_server(Gateway(ledger).serve, "127.0.0.1", port, backlog=1000)
    async with server:
        await ledger.write()


class RecordingProviderProcess:
    """The provider as a test sees it."""

    def __init__(self, port: int, path: Path) -> None:
        self.port, self._path = port, path
        self._modes: dict[str, dict[str, object]] = {}

    @property
    def entry(self) -> dict[str, object]:
        """Its entry in the services' settings."""
        return self.entry_for("sms")

    def entry_for(self, channel: str, **more: object) -> dict[str, object]:
        """An entry for one channel; each has a path, and so a behaviour, of its own."""
        name = {"sms": "accounting"}.get(channel, f"accounting-{channel}")
        url = f"http://127.0.0.1:{self.port}/{channel}"
        return {"name": name, "kind": "http", "channel": channel, "url": url, "timeout_seconds": 5, **more}

    def accepted(self) -> list[str]:
        """The delivery ids that it took, in order; more than once where it was asked more than once."""
        return [line.partition("\t")[0] for line in self._lines()]

    def taken(self) -> list[tuple[str, str, str]]:
        """(delivery id, address, text) of all that it took, in order."""
        return [(found, *json.loads(said)) for found, _, said in (line.partition("\t") for line in self._lines())]

    def misbehave(self, mode: str, channel: str = "sms", *, share: float = 1.0, seconds: float = 1.0) -> None:
        """From now on a share of the calls for this channel meets one of MODES."""
        if mode not in MODES:
            raise ValueError(f"no mode is called {mode}")
        self._modes[f"/{channel}"] = {"mode": mode, "share": share, "seconds": seconds}
        self._ask("/modes", self._modes)

    def behave(self) -> None:
        """From now on every call is accepted and answered."""
        self._modes.clear()
        self._ask("/modes", {})

    def calls(self) -> Counter[str]:
        """How often it was asked for each delivery, whatever it answered."""
        return Counter(self._ask("/calls", {}))

    def _lines(self) -> list[str]:
        lines = self._path.read_text().split("\n")
        return lines[:-1]  # the last one is empty, or being written

    def _ask(self, path: str, body: object) -> Any:
        url = f"http://127.0.0.1:{self.port}{path}"
        with urllib.request.urlopen(urllib.request.Request(url, json.dumps(body).encode()), timeout=30) as answer:
            return json.load(answer)


@contextmanager
def an_accounting_provider(folder: Path) -> Iterator[RecordingProviderProcess]:
    """The provider as a process of its own, which dies with this one."""
    port, path = free_port(), folder / "accepted"
    path.touch()
    child = Child([sys.executable, "-m", "tests.e2e.accounting", str(port), str(path)], log=folder / "accounting.log")
    try:
        wait_until_ready(child, lambda: answers(port), what="the accounting provider", deadline_seconds=30)
        yield RecordingProviderProcess(port, path)
    finally:
        child.stop()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), sys.argv[2]))
