"""The report as one JSON document. It is written while it is read, because it may list a million recipients."""

from collections.abc import AsyncIterator, Callable, Sequence
from typing import IO, Any, TypeVar

import orjson

from cli.plain_output import json_text
from cli.report.summary import NotReached, Summary, by_status
from ledger.models import Log, StoredRequest

T = TypeVar("T")


async def write_json(
    file: IO[str],
    request: StoredRequest,
    summary: Summary,
    missed: AsyncIterator[list[NotReached]],
    waiting: AsyncIterator[Sequence[Log]],
) -> None:
    """Write the document with all recipients from `missed` and from `waiting`."""
    head = json_text(_head(request, summary), orjson.OPT_INDENT_2)
    file.write(head.removesuffix("\n}"))
    await _write_list(file, "not_reached", missed, _not_reached_document)
    await _write_list(file, "waiting", waiting, _waiting_document)
    file.write("\n}\n")


async def _write_list(
    file: IO[str], name: str, batches: AsyncIterator[Sequence[T]], document_of: Callable[[T], dict[str, Any]]
) -> None:
    file.write(f',\n  "{name}": [')
    separator = "\n"
    async for batch in batches:
        for item in batch:
            file.write(f"{separator}    {json_text(document_of(item))}")
            separator = ",\n"
    file.write("]" if separator == "\n" else "\n  ]")


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
        "resent_as": [{"request_id": name, "recipients": number} for name, number in summary.resent_as.items()],
        "paused": request.control_flags.paused and completion is None,
        "cancelled": request.cancelled,
        "incomplete": completion.incomplete if completion else False,
        "all_accounted_for": summary.accounted,
        "total": summary.total,
        "unknown": summary.unknown,
        "by_status": by_status(summary.counts),
        "by_reason": dict(sorted(by_reason.items())),
        "notes": list(summary.notes),
        "not_reached_total": summary.not_reached_total,
        "waiting_total": summary.waiting_total,
        **({} if summary.cost is None else {"cost": summary.cost}),
    }


def _not_reached_document(recipient: NotReached) -> dict[str, Any]:
    return {
        "reference": recipient.reference,
        "recipient": recipient.recipient,
        "status": recipient.status,
        "reason": recipient.reason,
        "error": recipient.error,
        "log_id": recipient.log_id,
        **({} if recipient.resent_as is None else {"resent_as": recipient.resent_as}),
        **({} if recipient.encoding is None else {"encoding": recipient.encoding, "segments": recipient.segments}),
        **({} if recipient.line is None else {"line": recipient.line}),
    }


def _waiting_document(log: Log) -> dict[str, Any]:
    return {
        "reference": log.reference,
        "recipient": log.recipient,
        "reason": log.reason,
        "provider": log.provider,
        "attempts": log.attempts,
        "next_attempt_at": log.next_attempt_at,
        "log_id": log.id,
    }
