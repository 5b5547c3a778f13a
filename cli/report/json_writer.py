"""The report as one JSON document. It is written while it is read, because it may list a million recipients."""

from collections.abc import AsyncIterator
from typing import IO, Any

import orjson

from cli.report.summary import NotReached, Summary, by_status
from ledger.models import StoredRequest


async def write_json(
    file: IO[str], request: StoredRequest, summary: Summary, missed: AsyncIterator[list[NotReached]]
) -> None:
    """Write the document with all recipients from `missed`."""
    head = orjson.dumps(_head(request, summary), option=orjson.OPT_INDENT_2 | orjson.OPT_UTC_Z).decode()
    file.write(head.removesuffix("\n}") + ',\n  "not_reached": [')
    separator = "\n"
    async for batch in missed:
        for recipient in batch:
            file.write(f"{separator}    {orjson.dumps(_not_reached_document(recipient)).decode()}")
            separator = ",\n"
    file.write("]\n}\n" if separator == "\n" else "\n  ]\n}\n")


def _head(request: StoredRequest, summary: Summary) -> dict[str, Any]:
    head, completion = request.header, request.completion
    by_reason: dict[str, int] = {}
    for (_, reason), number in summary.counts.items():
        if reason and number:
            by_reason[reason] = by_reason.get(reason, 0) + number
    return {
        "request_id": head.request_id,
        "tenant_id": head.tenant_id,
        "user_id": head.user_id,
        "channel": head.channel.value,
        "accepted_at": head.accepted_at,
        "completed_at": completion.completed_at if completion else None,
        "resend_of": head.resend_of,
        "cancelled": request.cancelled,
        "incomplete": completion.incomplete if completion else False,
        "all_accounted_for": summary.accounted,
        "total": summary.total,
        "by_status": by_status(summary.counts),
        "by_reason": dict(sorted(by_reason.items())),
        "notes": list(summary.notes),
        "not_reached_total": summary.not_reached_total,
    }


def _not_reached_document(recipient: NotReached) -> dict[str, Any]:
    return {
        "reference": recipient.reference,
        "recipient": recipient.recipient,
        "status": recipient.status,
        "reason": recipient.reason,
        "error": recipient.error,
        "log_id": recipient.log_id,
        **({} if recipient.line is None else {"line": recipient.line}),
    }
