"""Lines that a running `rollcall bounces` prints: JSON, without an address."""

import time
from collections import Counter
from collections.abc import Callable

import typer

from cli.plain_output import json_text

FAILURE_SECONDS = 30.0
"""Minimum time between two lines about failures, in seconds."""
COUNTS = ("receipts", "unsigned", "other")
"""Names of the counts of mails."""


class Notes:
    """Lines about the start, failures, and counts that have changed."""

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._monotonic = monotonic
        self._failure_at = float("-inf")
        self._noted: Counter[str] = Counter()

    def ready(self, **where: str) -> None:
        """Print where mails are read."""
        self._print("bounces ready", **where)

    def failed(self, error: Exception) -> None:
        """Print the kind of an error. Its message may have an address."""
        now = self._monotonic()
        if now - self._failure_at >= FAILURE_SECONDS:
            self._failure_at = now
            self._print("bounces not published", error=type(error).__name__)

    def counted(self, counts: Counter[str]) -> None:
        """Print the counts since the start, if there are new mails."""
        if counts != self._noted:
            self._noted = counts.copy()
            self._print("bounces read", **{name: counts[name] for name in COUNTS})

    def _print(self, event: str, **values: object) -> None:
        typer.echo(json_text({"event": event, **values}))
