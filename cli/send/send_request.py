"""A request of `send`: its checked options, and the recipients file as encoded parts."""

import secrets
from array import array
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cli.errors import CommandError, UsageError, sentence
from cli.recipients_file.open_file import Source
from cli.recipients_file.row_error import RowError
from cli.recipients_file.scan import FileScan
from cli.send.request_options import option_of
from core.content_type import ContentTypeChoice
from core.ids import uuid7
from core.request_parts import EncodedPart, RequestEncodingError, encode_parts, recipient_json, request_fields
from core.text_limits import TextLimit
from ledger.message_template import MessageTemplate
from schemas.requests import AnyRecipient, BulkBody


@dataclass(frozen=True, slots=True)
class SendRequest:
    """A request over Kafka: its checked head, and the source of its recipients."""

    source: Source
    body: BulkBody
    text: MessageTemplate
    type_choice: ContentTypeChoice | None
    """Type of the content, or None if the service chooses it, because the service has the template."""
    text_limit: TextLimit
    tenant_id: str
    request_id: str
    accepted_at: datetime
    repeated: bool
    """True if the user gave the id, so that there may be earlier attempts."""
    template_version: int | None = None
    """Version of the template for all parts and repeats, even if the template is updated in the meantime."""

    def head(self) -> dict[str, Any]:
        """Return the fields that all parts share."""
        head = request_fields(
            self.body,
            tenant_id=self.tenant_id,
            user_id=self.body.user_id,
            request_id=self.request_id,
            accepted_at=self.accepted_at,
        )
        return head if self.template_version is None else {**head, "template_version": self.template_version}

    def parts(self) -> Iterator[EncodedPart]:
        """Yield the parts while the file is read. Raises CommandError with the line or the option."""
        rows = self.source.rows()
        try:
            yield from encode_parts(self.head(), map(recipient_json, rows))
        except RowError as error:
            raise CommandError(f"{self.source.name}, {error}") from None
        except RequestEncodingError as error:
            raise _encoding_problem(error, self.source.name, rows.line) from None


def _encoding_problem(error: RequestEncodingError, file_name: str, line: int) -> CommandError:
    problem = sentence(error.problem)
    if error.field.startswith("recipients["):
        return CommandError(f"{file_name}, line {line}: {problem}")
    if error.field == "recipients":
        return CommandError(f"{file_name}: recipients: {problem}")
    return UsageError(f"{option_of(error.field)}: {problem}")


@dataclass(frozen=True, slots=True)
class FileSummary:
    """Result of the first pass over the whole file."""

    recipients: int
    part_sizes: Sequence[int]
    """Number of recipients of each part."""
    bytes: int
    """Total size of all parts in bytes."""
    first: EncodedPart

    @property
    def parts(self) -> int:
        """Return the number of parts."""
        return len(self.part_sizes)


def scan_file(
    request: SendRequest, observe: Callable[[AnyRecipient, int], None] | None = None
) -> tuple[FileSummary, FileScan]:
    """Read the file once and check each line. `observe` is called with each recipient and its line.

    Raises CommandError with every line that cannot be used, and UsageError for variables that no recipient gives.
    With `observe` the caller makes these two checks, unless no recipient can be sent to.
    """
    scan = FileScan(request.source, request.text, request.body)
    part_sizes, size = array("L"), 0
    first: EncodedPart | None = None
    try:
        for part in encode_parts(request.head(), _observed_recipients(scan, observe)):
            first = first or part
            part_sizes.append(part.recipients)
            size += len(part.value)
    except RequestEncodingError as error:
        scan.check_lines()
        raise _encoding_problem(error, request.source.name, scan.line) from None
    if observe is None:
        scan.check_lines()
        scan.check_variables()
    if first is None:
        raise AssertionError("encode_parts() raises for a request without recipients")
    return FileSummary(sum(part_sizes), part_sizes, size, first), scan


def _observed_recipients(
    scan: FileScan, observe: Callable[[AnyRecipient, int], None] | None
) -> Iterator[str | dict[str, Any]]:
    for recipient in scan:
        if observe is not None:
            observe(recipient, scan.line)
        yield recipient_json(recipient)


def new_request_id() -> str:
    """Return an id for a request. Ids sort by time."""
    return uuid7(datetime.now(UTC), secrets.token_bytes(10))
