"""What `send` was asked for, and the file behind it, as parts ready to travel."""

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cli.errors import CommandError, UsageError
from cli.head import option_of
from cli.rows import RowError
from cli.source import Source
from core.intake import IntakeError, IntakePart, encode_parts, recipient_json, request_head
from producer.clock import uuid7
from schemas.requests import BulkBody


@dataclass(frozen=True, slots=True)
class Order:
    """A request over Kafka: its head, checked, and the source of its recipients."""

    source: Source
    body: BulkBody
    tenant_id: str
    request_id: str
    accepted_at: datetime
    repeated: bool
    """The id was given, so there may be earlier attempts."""

    def head(self) -> dict[str, Any]:
        """What all parts share."""
        return request_head(
            self.body,
            tenant_id=self.tenant_id,
            user_id=self.body.user_id,
            request_id=self.request_id,
            accepted_at=self.accepted_at,
        )

    def parts(self) -> Iterator[IntakePart]:
        """The parts, read from the file as they are asked for; raises CommandError naming the line or the option."""
        rows = self.source.rows()
        try:
            yield from encode_parts(self.head(), map(recipient_json, rows))
        except RowError as error:
            raise CommandError(f"FILE: {error}") from None
        except IntakeError as error:
            raise _said(error, rows.line) from None


def _said(error: IntakeError, line: int) -> CommandError:
    if error.field.startswith("recipients["):
        return CommandError(f"FILE: line {line}: {error.problem}")
    if error.field == "recipients":
        return CommandError(f"FILE: recipients: {error.problem}")
    return UsageError(f"{option_of(error.field)}: {error.problem}")


@dataclass(frozen=True, slots=True)
class Survey:
    """What a first reading of the whole file found: nothing is published before every line is good."""

    recipients: int
    parts: int
    first: IntakePart


def survey(order: Order) -> Survey:
    """Read the file once, checking each line; raises CommandError."""
    parts = order.parts()
    first = next(parts)
    recipients, number = first.recipients, 1
    for part in parts:
        recipients += part.recipients
        number += 1
    return Survey(recipients, number, first)


def new_request_id() -> str:
    """An id for a request that was given none; ids sort by time."""
    return uuid7(datetime.now(UTC), secrets.token_bytes(10))
