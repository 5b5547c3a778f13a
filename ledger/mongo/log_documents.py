"""Conversion of logs to documents and back. None values are left out, because there are millions of logs."""

from datetime import UTC, datetime
from functools import lru_cache

from core.ids import LogId, key_of_log
from ledger.models import Log
from ledger.mongo.connection import Document
from ledger.mongo.work_documents import cost_document, read_cost
from ledger.receipt_effects import AsLogged, Move
from schemas.receipts import ReceiptClass
from schemas.statuses import Channel, Reason, SmsEncoding, Status


def log_document(log: Log) -> Document:
    """Return the document to insert. BSON writes its StrEnum values as strings."""
    document: Document = {
        "_id": log.id,
        "tenant_id": log.tenant_id,
        "request_id": log.request_id,
        "channel": log.channel,
        "recipient": log.recipient,
        "recipient_hash": log.recipient_hash,
        "status": log.status,
        "outcome": log.outcome,
        "attempts": log.attempts,
        "created_at": _utc(log.created_at),
        "updated_at": _utc(log.updated_at),
    }
    if log.sent_at is not None:
        document["sent_at"] = _utc(log.sent_at)
    if log.reason is not None:
        document["reason"] = log.reason
    for name, value in (
        ("user_id", log.user_id),
        ("reference", log.reference),
        ("provider", log.provider),
        ("provider_message_id", log.provider_message_id),
        ("response", log.response),
        ("error", log.error),
        ("template_id", log.template_id),
        ("resend_of", log.resend_of),
        ("resent_as", log.resent_as),
        ("encoding", log.encoding),
        ("segments", log.segments),
    ):
        if value is not None:
            document[name] = value
    if log.cost is not None:
        document["cost"] = cost_document(log.cost)
    if log.settled_by is not None:
        document |= _without_none(receipt_fields(log))
    return document


@lru_cache(maxsize=64)  # the logs of a window share their times
def _utc(moment: datetime) -> datetime:
    """Return the time in UTC without its zone. With a zone the driver would compute the offset for each log again."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def read_log(document: Document) -> Log:
    """Return the log of a document."""
    reason, encoding = document.get("reason"), document.get("encoding")
    return Log(
        id=LogId(document["_id"]),
        tenant_id=document["tenant_id"],
        request_id=document["request_id"],
        channel=Channel(document["channel"]),
        recipient=document["recipient"],
        recipient_hash=document["recipient_hash"],
        status=Status(document["status"]),
        outcome=Status(document["outcome"]),
        reason=Reason(reason) if reason else None,
        attempts=document["attempts"],
        created_at=document["created_at"],
        updated_at=document["updated_at"],
        sent_at=document.get("sent_at"),
        user_id=document.get("user_id"),
        reference=document.get("reference"),
        provider=document.get("provider"),
        provider_message_id=document.get("provider_message_id"),
        response=document.get("response"),
        error=document.get("error"),
        template_id=document.get("template_id"),
        resend_of=document.get("resend_of"),
        resent_as=document.get("resent_as"),
        encoding=SmsEncoding(encoding) if encoding else None,
        segments=document.get("segments"),
        cost=read_cost(document) or None,
        **(_read_receipt(document) if "settled_by" in document else {}),
    )


def receipt_fields(log: Log) -> Document:
    """Return the fields that a receipt gives to a log, with None for those that it does not have.

    `moved` is what the index `moved_of_request` needs. It repeats other fields as one text.
    """
    before = log.as_logged
    return {
        "status": log.status,
        "reason": log.reason,
        "error": log.error,
        "receipt_class": log.receipt_class,
        "receipt_code": log.receipt_code,
        "receipt_at": log.receipt_at and _utc(log.receipt_at),
        "settled_by": log.settled_by,
        "updated_at": _utc(log.updated_at),
        "as_logged": before and _without_none(before._asdict() | {"updated_at": _utc(before.updated_at)}),
        "moved": {
            "request": key_of_log(log.id),
            "way": way_text(Move(log.outcome, log.outcome_reason, log.status, log.reason)),
        },
    }


def _read_receipt(document: Document) -> Document:
    receipt_class, before = document.get("receipt_class"), document["as_logged"]
    reason = before.get("reason")
    return {
        "receipt_class": ReceiptClass(receipt_class) if receipt_class else None,
        "receipt_code": document.get("receipt_code"),
        "receipt_at": document.get("receipt_at"),
        "settled_by": document["settled_by"],
        "as_logged": AsLogged(Reason(reason) if reason else None, before.get("error"), before["updated_at"]),
    }


def way_text(move: Move) -> str:
    """Return the stored form of a way, such as `unknown:no_answer>failed:undelivered`."""
    return ">".join(
        f"{status.value}:{reason.value}" if reason else status.value
        for status, reason in ((move.outcome, move.outcome_reason), (move.status, move.reason))
    )


def read_way(text: str) -> Move:
    """Return the way of its stored form."""
    (outcome, outcome_reason), (status, reason) = map(_read_state, text.split(">"))
    return Move(outcome, outcome_reason, status, reason)


def _read_state(text: str) -> tuple[Status, Reason | None]:
    status, _, reason = text.partition(":")
    return Status(status), Reason(reason) if reason else None


def _without_none(fields: Document) -> Document:
    return {name: value for name, value in fields.items() if value is not None}
