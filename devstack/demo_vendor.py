"""Vendor of the demo: `rollcall simulator`. It takes SMS, and reports what became of each by signed callbacks."""

import contextlib
import json
import secrets
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from devstack.processes import Child, free_port
from devstack.services import start_service

_NAME = "gateway"
_PER_SECOND = 700
"""Maximum number of SMS a second. It is slow enough to watch, and leaves time for the opt-outs."""
_OPTIONS = {
    "latency-ms": 10,
    "jitter-ms": 20,
    # Some messages are refused, and some are accepted at the second attempt.
    "failure-rate": 0.002,
    "retry-once-suffixes": "77",
    "delivered-rate": 0.97,
    "undelivered-rate": 0.01,
    "receipt-delay-ms": 500,
    "receipt-jitter-ms": 2_000,
    "keep": 1,
}
"""Options of the command. Two of a hundred messages get no receipt."""


@dataclass(frozen=True)
class DemoVendor:
    """Vendor with a new key, at a free port."""

    port: int = field(default_factory=free_port)
    key: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @property
    def provider(self) -> dict[str, Any]:
        """Return the entry of the consumer."""
        url = f"http://127.0.0.1:{self.port}/send"
        return {"name": _NAME, "kind": "http", "channel": "sms", "url": url, "rate_per_second": _PER_SECOND}

    @property
    def receipts(self) -> dict[str, Any]:
        """Return the entry of the producer, with the key that checks the signatures."""
        return {"kind": "simulator", "provider": _NAME, "signing_key": self.key}

    @contextlib.contextmanager
    def running(self, producer: str, env: Mapping[str, str], log: Path) -> Iterator[Child]:
        """Run the simulator, which calls back to the producer at this URL."""
        options = {
            **_OPTIONS,
            "http-port": self.port,
            "smtp-port": 0,
            "receipts-url": f"{producer}/communication/callback/{_NAME}",
        }
        words = [str(word) for name, value in options.items() for word in (f"--{name}", value)]
        secret = {"ROLLCALL_SIMULATOR_RECEIPTS_KEY": self.key}
        with start_service(
            ["rollcall", "simulator", *words], {**env, **secret}, f"http://127.0.0.1:{self.port}/taken", log=log
        ) as child:
            yield child

    def taken(self) -> int:
        """Return the number of SMS that it took."""
        return int(self._document()["counts"]["sms"]["take"])

    def reported(self) -> int | None:
        """Return the number of receipts that the producer accepted, or None while some are still to come."""
        counts = self._document()["receipts"]
        if counts["refused"] or counts["waiting"]:
            return None
        return int(counts["accepted"])

    def _document(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/taken", timeout=10) as response:
            document: dict[str, Any] = json.load(response)
        return document
