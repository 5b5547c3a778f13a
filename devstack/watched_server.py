"""Kafka or MongoDB of a stack, as `make up` watches it."""

import time
from collections.abc import Callable

from pymongo import uri_parser

from devstack.processes import answers_at
from devstack.routes import GIVEN, StackRoute

SILENT_CHECKS = 4
"""Number of checks in a row without an answer after which a server without a process of ours counts as ended."""
CHECK_SECONDS = 2.0
"""Minimum time between two checks of such a server, in seconds."""


class WatchedServer:
    """Server that ends with its process. A server that this process did not start ends when it stops answering."""

    def __init__(self, name: str, route: StackRoute, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.name = name
        self._route, self._monotonic = route, monotonic
        self._silent, self._checked_at = 0, float("-inf")

    @property
    def pid(self) -> int | None:
        """Return its process id, or None if this process did not start it."""
        return self._route.child.pid if self._route.child else None

    def exit_code(self) -> int | None:
        """Return None while it runs. A server without a process of ours has the exit code 1."""
        if self._route.child is not None:
            return self._route.child.exit_code()
        if self._monotonic() - self._checked_at >= CHECK_SECONDS:
            self._silent = 0 if any(answers_at(*address) for address in self._addresses()) else self._silent + 1
            self._checked_at = self._monotonic()
        return 1 if self._silent >= SILENT_CHECKS else None

    def last_words(self) -> str:
        """Return its last output, on one line."""
        return self._route.child.last_words() if self._route.child else "no output"

    def how_to_continue(self) -> str:
        """Return the line that says how it ended, and what to do."""
        if self._route.kind == GIVEN:
            return f"{self.name} does not answer any more. Start it again. The services go on by themselves."
        child = self._route.child
        ended = f"ended with exit code {child.exit_code()}. Its log: {child.log}" if child else "ended."
        return (
            f"{self.name} has {ended}\nThe services cannot work without it. Press Ctrl-C, then run `make up` again. "
            "It starts with new, empty data."
        )

    def _addresses(self) -> list[tuple[str, int]]:
        if self._route.address.startswith("mongodb"):
            nodes = uri_parser.parse_uri(self._route.address)["nodelist"]
            return [(host, port or 27017) for host, port in nodes]
        servers = (server.strip().rpartition(":") for server in self._route.address.split(","))
        return [(host, int(port)) for host, _, port in servers]
