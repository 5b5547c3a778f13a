"""What `send` was asked for, and the file behind it, as parts ready to travel."""

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cli.errors import CommandError, UsageError
from cli.recipients_file.rows import RowError
from cli.recipients_file.scan import FileScan
from cli.recipients_file.source import Source
from cli.send.request_options import option_of
from core.ids import uuid7
from core.request_parts import EncodedPart, RequestEncodingError, encode_parts, recipient_json, request_fields
from ledger.message_template import MessageTemplate
from schemas.requests import AnyRecipient, BulkBody


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A request over Kafka: its head, checked, and the source of its recipients."""

    source: Source
    body: BulkBody
    text: MessageTemplate
    tenant_id: str
    request_id: str
    accepted_at: datetime
    repeated: bool
    """The id was given, so there may be earlier attempts."""
    template_version: int | None = None
    """Held for all parts and repeats, whatever becomes of the template meanwhile."""

    def head(self) -> dict[str, Any]:
        """What all parts share."""
        head = request_fields(
            self.body,
            tenant_id=self.tenant_id,
            user_id=self.body.user_id,
            request_id=self.request_id,
            accepted_at=self.accepted_at,
        )
        return head if self.template_version is None else {**head, "template_version": self.template_version}

    def parts(self) -> Iterator[EncodedPart]:
        """The parts, read from the file as they are asked for; raises CommandError naming the line or the option."""
        rows = self.source.rows()
        try:
            yield from encode_parts(self.head(), map(recipient_json, rows))
        except RowError as error:
            raise CommandError(f"FILE: {error}") from None
        except RequestEncodingError as error:
            raise _said(error, rows.line) from None


def _said(error: RequestEncodingError, line: int) -> CommandError:
    if error.field.startswith("recipients["):
        return CommandError(f"FILE: line {line}: {error.problem}")
    if error.field == "recipients":
        return CommandError(f"FILE: recipients: {error.problem}")
    return UsageError(f"{option_of(error.field)}: {error.problem}")


@dataclass(frozen=True, slots=True)
class FileSummary:
    """What a first reading of the whole file found: nothing is published before every line is good."""

    recipients: int
    parts: int
    bytes: int
    """Of all parts together."""
    first: EncodedPart


def scan_file(
    order: SendRequest, watch: Callable[[AnyRecipient, int], None] | None = None
) -> tuple[FileSummary, FileScan]:
    """Read the file once, checking each line; `watch` is shown each recipient with its line.

    Raises CommandError with every line that cannot be used, and UsageError for variables that nobody gives; with
    `watch` that is left to the caller, save where nothing at all can be sent.
    """
    reading = FileScan(order.source.rows(), order.text)
    recipients = size = number = 0
    first: EncodedPart | None = None
    try:
        for part in encode_parts(order.head(), _shown(reading, watch)):
            first = first or part
            recipients, size, number = recipients + part.recipients, size + len(part.value), number + 1
    except RequestEncodingError as error:
        reading.require_lines()
        raise _said(error, reading.line) from None
    if watch is None:
        reading.require_lines()
        reading.require_variables()
    if first is None:
        raise AssertionError("a request without recipients is an error")
    return FileSummary(recipients, number, size, first), reading


def _shown(reading: FileScan, watch: Callable[[AnyRecipient, int], None] | None) -> Iterator[str | dict[str, Any]]:
    for recipient in reading:
        if watch is not None:
            watch(recipient, reading.line)
        yield recipient_json(recipient)


def new_request_id() -> str:
    """An id for a request that was given none; ids sort by time."""
    return uuid7(datetime.now(UTC), secrets.token_bytes(10))
