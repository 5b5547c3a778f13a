"""E-mails: a consumer with one provider of them, the requests, and Postfix's smtp-sink, which takes and drops mails."""

import contextlib
import functools
import os
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from bench.programs import Program, Work, bulk_work
from bench.scenario import MissingPeerError, Place
from bench.workload import MailOrder
from devstack.processes import answers, free_port, wait_until_ready
from devstack.services import SIMULATORS, start_service

SENDER = "bench@example.org"
SIMULATOR = SIMULATORS[1]
"""Entry of a provider that takes every e-mail at once, without a connection."""
REQUEST_MAILS = 10_000
"""Maximum number of recipients of a request. It is one intake record."""
_BACKLOG = 128
_READY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class MailProgram(Program):
    """Consumer of the product that has one provider."""

    provider: Mapping[str, object] = field(kw_only=True)
    """Its entry in the settings."""

    def settings(self) -> Mapping[str, object]:
        """Return the list of providers."""
        return {"PROVIDERS": [self.provider]}


def mail_work(name: str, mails: int, text_bytes: int) -> Work:
    """Return the work of requests of e-mails, each with a text of this size."""
    return bulk_work(name, mails, REQUEST_MAILS, functools.partial(MailOrder, text_bytes=text_bytes))


@contextlib.contextmanager
def started_sink(place: Place) -> Iterator[int]:
    """Start smtp-sink, which offers PIPELINING (`man smtp-sink`). Yield its port.

    Raise MissingPeerError if it is not installed.
    """
    sink = shutil.which("smtp-sink", path=os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"]))
    if sink is None:
        raise MissingPeerError("left out, because smtp-sink is missing. Fix: apt-get install postfix")
    port = free_port()
    user = ["-u", "nobody"] if os.geteuid() == 0 else []  # it refuses to run as root
    command = [sink, *user, f"127.0.0.1:{port}", str(_BACKLOG)]
    with start_service(command, os.environ, log=place.folder / "smtp-sink.log") as child:
        wait_until_ready(child, lambda: answers(port), what="smtp-sink", deadline_seconds=_READY_SECONDS)
        yield port
