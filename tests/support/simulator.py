"""`rollcall simulator` as a process of its own, with the real providers that send to it."""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from devstack.processes import Child, wait_until_ready
from devstack.services import start_service
from providers.http import HttpEntry, HttpProvider
from providers.provider import Provider
from providers.smtp import SmtpEntry, SmtpProvider
from schemas.statuses import Channel

_READY_SECONDS = 30


@dataclass
class Simulator:
    """A running simulator."""

    child: Child
    http: str
    smtp_port: int

    def http_provider(self, channel: Channel = Channel.SMS, **entry: Any) -> Provider:
        usual = {"name": "gateway", "kind": "http", "channel": channel, "url": f"{self.http}/send"}
        return HttpProvider(HttpEntry.model_validate({**usual, "timeout_seconds": 30, **entry}))

    def smtp_provider(self, **entry: Any) -> Provider:
        usual = {"name": "post", "kind": "smtp", "host": "127.0.0.1", "port": self.smtp_port, "tls": "none"}
        more = {"sender": "Us <us@example.org>", "timeout_seconds": 30, **entry}
        return SmtpProvider(SmtpEntry.model_validate({**usual, **more}))

    def taken(self) -> dict[str, Any]:
        """Return the answer to GET /taken."""
        result: dict[str, Any] = json.loads(self.get("/taken"))
        return result

    def counts(self, channel: Channel) -> dict[str, int]:
        """Return the counts of a channel that are not zero. Those of the other channel must be."""
        counts = {name: {k: v for k, v in found.items() if v} for name, found in self.taken()["counts"].items()}
        own = counts.pop(channel)
        assert counts == {"sms" if channel is Channel.EMAIL else "email": {}}
        return own

    def get(self, path: str) -> str:
        with urllib.request.urlopen(self.http + path, timeout=10) as response:
            return str(response.read().decode())

    def status(self, path: str) -> int:
        """Return the status of the answer to a GET."""
        try:
            with urllib.request.urlopen(self.http + path, timeout=10) as response:
                return int(response.status)
        except urllib.error.HTTPError as refused:
            with refused:
                return refused.code

    def forget(self) -> None:
        request = urllib.request.Request(f"{self.http}/taken", method="DELETE")
        with urllib.request.urlopen(request, timeout=10) as response:
            assert response.status == 204

    def said(self) -> list[str]:
        """Return the lines of its output."""
        assert self.child.log is not None
        return self.child.log.read_text().splitlines()


@contextmanager
def a_simulator(folder: Path, *options: str) -> Iterator[Simulator]:
    """Start the command on two free ports, and end it with the block."""
    command = ["rollcall", "simulator", "--http-port", "0", "--smtp-port", "0", *options]
    log = folder / f"simulator-{len(list(folder.iterdir()))}.log"
    with start_service(command, os.environ, log=log) as child:
        wait_until_ready(
            child, lambda: log.read_text().endswith("\n"), what="the simulator", deadline_seconds=_READY_SECONDS
        )
        ready = json.loads(log.read_text())
        yield Simulator(child, ready["http"], int(ready["smtp"].rpartition(":")[2]))
