"""Start and stop of `rollcall bounces`."""

import asyncio
import contextlib
import os
import signal
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import typer

from cli import event_loop
from cli.bounces.lmtp_server import LmtpAddress, lmtp_server
from cli.bounces.mail_reader import UNPUBLISHED, BounceMailReader
from cli.bounces.maildir import Maildir
from cli.bounces.notes import Notes
from cli.clients.kafka_client import kafka_errors, open_admin, partitions_of_topics, require_topics
from cli.clients.record_publisher import open_publisher
from cli.errors import CommandError, UsageError
from cli.settings import BounceSettings, load
from providers.bounces.bounce_reader import BounceReader

POLL_SECONDS = 1.0
"""Time between two looks into a Maildir, in seconds."""
COUNTS_SECONDS = 60.0
"""Time between two lines with counts, in seconds."""
_NOT_AN_ADDRESS = "--lmtp: must be PORT, or HOST:PORT such as 127.0.0.1:8024 or [::1]:8024."


class BounceOptions(NamedTuple):
    """Options of `bounces`."""

    maildir: Path | None
    lmtp: str | None
    follow: bool
    leaves_others: bool

    def check(self) -> None:
        """Raise UsageError if the options contradict each other."""
        if (self.maildir is None) == (self.lmtp is None):
            raise UsageError("--maildir or --lmtp: exactly one of them is required.")
        if self.maildir is None and (self.follow or self.leaves_others):
            raise UsageError("--follow and --leave-others: need --maildir.")


def read_address(text: str) -> LmtpAddress:
    """Return the address of `PORT` or `HOST:PORT`. Without a host, it is loopback. Raises UsageError."""
    full = f"127.0.0.1:{text}" if text.isdecimal() else text
    try:
        parts = urlsplit(f"//{full}")
        host, port = parts.hostname, parts.port
    except ValueError:
        raise UsageError(_NOT_AN_ADDRESS) from None
    if not host or port is None or "@" in full or parts.netloc != full:
        raise UsageError(_NOT_AN_ADDRESS)
    return LmtpAddress(host, port)


def run(options: BounceOptions) -> None:
    """Read mails until there are no more, or until SIGTERM or Ctrl-C. Raises CommandError."""
    options.check()
    address = read_address(options.lmtp) if options.lmtp is not None else None
    maildir = Maildir(options.maildir, leaves_others=options.leaves_others) if options.maildir else None
    event_loop.run(_run(load(BounceSettings), maildir, address, follow=options.follow))


async def _run(settings: BounceSettings, maildir: Maildir | None, address: LmtpAddress | None, *, follow: bool) -> None:
    stopped, topic = asyncio.Event(), settings.topics.receipts
    with kafka_errors(settings):
        async with open_admin(settings) as admin:
            require_topics(await partitions_of_topics(admin), {topic})
        async with open_publisher(settings) as producer:
            reader = BounceMailReader(BounceReader(settings.bounce_keys), producer, topic)
            if maildir and not follow:
                await maildir.read(reader, stopped)
                _print_summary(reader)
                return
            for number in (signal.SIGTERM, signal.SIGINT):
                asyncio.get_running_loop().add_signal_handler(number, stopped.set)
            notes = Notes()
            counting = asyncio.create_task(_note_counts(reader, notes))
            try:
                if maildir:
                    await _follow(maildir, reader, notes, stopped)
                elif address:
                    await _serve(address, reader, notes, stopped)
            finally:
                counting.cancel()
                notes.counted(reader.counts)


async def _follow(maildir: Maildir, reader: BounceMailReader, notes: Notes, stopped: asyncio.Event) -> None:
    notes.ready(maildir=str(maildir.path))
    while not stopped.is_set():
        try:
            await maildir.read(reader, stopped)
        except UNPUBLISHED as error:
            notes.failed(error)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopped.wait(), POLL_SECONDS)


async def _serve(address: LmtpAddress, reader: BounceMailReader, notes: Notes, stopped: asyncio.Event) -> None:
    async with contextlib.AsyncExitStack() as stack:
        try:
            port = await stack.enter_async_context(lmtp_server(reader, notes, address))
        except OSError as error:
            raise CommandError(
                f"--lmtp: cannot listen on {address.host}, port {address.port} ({os.strerror(error.errno or 0)})."
            ) from None
        host = f"[{address.host}]" if ":" in address.host else address.host
        notes.ready(lmtp=f"{host}:{port}")
        await stopped.wait()


async def _note_counts(reader: BounceMailReader, notes: Notes) -> None:
    while True:
        await asyncio.sleep(COUNTS_SECONDS)
        notes.counted(reader.counts)


def _print_summary(reader: BounceMailReader) -> None:
    counts = reader.counts
    typer.echo(
        f"receipts published: {counts['receipts']:,}, reports without a valid signature: {counts['unsigned']:,}, "
        f"other mails: {counts['other']:,}"
    )
