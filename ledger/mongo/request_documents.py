"""Conversion of requests to documents and back. It names every stored field, so that a class may rename its own."""

from collections.abc import Mapping

from core.chunk_work import Counts
from core.ids import RequestKey
from core.money import Cost
from ledger.models import Completion, Part, RequestHeader, StoredRequest
from ledger.mongo.chunk_documents import read_control_flags
from ledger.mongo.connection import Document
from ledger.mongo.vendor_template_documents import read_vendor_templates, vendor_template_documents
from ledger.mongo.work_documents import cost_document, read_cost
from ledger.sweep_delays import NEVER
from schemas.statuses import Category, Channel, ContentType, OnUncertain


def header_document(header: RequestHeader) -> Document:
    """Return the stored form of a header, without None values and without its key, which is the id of the document."""
    document: Document = {
        "tenant_id": header.tenant_id,
        "request_id": header.request_id,
        "user_id": header.user_id,
        "channel": header.channel.value,
        "category": header.category.value,
        "on_uncertain": header.on_uncertain.value,
        "reply_topic": header.reply_topic,
        "correlation_id": header.correlation_id,
        "accepted_at": header.accepted_at,
        "send_at": header.send_at,
        "expires_at": header.expires_at,
        "template_id": header.template_id,
        "key_id": header.key_id,
        "digest": header.digest,
        "sealed_text": header.sealed_text,
        "intake_topic": header.intake_topic,
        "intake_partition": header.intake_partition,
        "template_version": header.template_version,
        "resend_of": header.resend_of,
        "content_type": header.content_type and header.content_type.value,
        "region": header.region,
        "secret_variables": list(header.secret_variables) if header.secret_variables is not None else None,
        "keep_secret_variables": header.keep_secret_variables,
        "sealed_secrets": header.sealed_secrets,
        "vendor_templates": vendor_template_documents(header.vendor_templates) or None,
        "provider": header.provider,
        "budget": cost_document(header.budget) if header.budget is not None else None,
        "list": header.mailing_list,
    }
    return {name: value for name, value in document.items() if value is not None}


def part_document(part: Part) -> Document:
    """Return the stored form of a part."""
    return {
        "number": part.number,
        "size": part.size,
        "chunk_size": part.chunk_size,
        "digest": part.digest,
        "last": part.last,
        "default_region": part.default_region,
    }


def completion_document(completion: Completion) -> Document:
    """Return the stored form of a completion, without a cost if no price is known."""
    stored: Document = {
        "completed_at": completion.completed_at,
        "total": completion.total,
        "by_status": dict(completion.by_status),
        "by_reason": dict(completion.by_reason),
        "incomplete": completion.incomplete,
    }
    return {**stored, "cost": cost_document(completion.cost)} if completion.cost else stored


def completion_fields(counts: Counts, cost: Cost) -> Document:
    """Return the same for a pipeline, which adds the server's time and the stored `cut`."""
    stored = completion_document(Completion.of(counts, NEVER, cost=cost))
    return {name: {"$literal": value} for name, value in stored.items()} | {
        "completed_at": "$$NOW",
        "incomplete": "$cut",
    }


def small_request_document(header: RequestHeader, part: Part) -> Document:
    """Return the document of a request whose only part is expanded, without its id, its chunk and its times."""
    return {
        "head": header_document(header),
        "parts": {str(part.number): part_document(part)},
        "highest": part.number,
        "last_part": part.number,
        "counted": [part.number],
        "cut": False,
        "announced": False,
        "completion": None,
    }


def read_request(document: Document) -> StoredRequest:
    """Return the request of a document."""
    flags = read_control_flags(document)
    return StoredRequest(
        header=read_header(RequestKey(document["_id"]), document["head"]),
        parts=_read_parts(document.get("parts", {})),
        expanded_parts=frozenset(document["counted"]),
        last_part=document["last_part"],
        cancelled=flags.cancelled,
        pauses=flags.pauses,
        intake_closed=document["cut"],
        lost_parts=frozenset(document.get("lost", ())),
        completion=read_completion(document),
        completion_published=document["announced"],
        holds_chunk="lane" in document,
        begun_at=document["begun_at"],
    )


def read_header(key: RequestKey, header: Document) -> RequestHeader:
    """Return the header of a request from its stored form."""
    secret_variables = header.get("secret_variables")
    return RequestHeader(
        key=key,
        tenant_id=header["tenant_id"],
        request_id=header["request_id"],
        user_id=header.get("user_id"),
        channel=Channel(header["channel"]),
        category=Category(header["category"]),
        on_uncertain=OnUncertain(header["on_uncertain"]),
        reply_topic=header.get("reply_topic"),
        correlation_id=header.get("correlation_id"),
        accepted_at=header["accepted_at"],
        send_at=header.get("send_at"),
        expires_at=header.get("expires_at"),
        template_id=header.get("template_id"),
        key_id=header["key_id"],
        digest=header["digest"],
        sealed_text=header.get("sealed_text", b""),  # erased
        intake_topic=header["intake_topic"],
        intake_partition=header["intake_partition"],
        template_version=header.get("template_version"),
        resend_of=header.get("resend_of"),
        content_type=ContentType(header["content_type"]) if "content_type" in header else None,
        region=header.get("region"),
        secret_variables=tuple(secret_variables) if secret_variables is not None else None,
        keep_secret_variables=header.get("keep_secret_variables"),
        sealed_secrets=header.get("sealed_secrets"),
        vendor_templates=read_vendor_templates(header.get("vendor_templates", ())),
        provider=header.get("provider"),
        budget=read_cost(header, "budget") if "budget" in header else None,
        mailing_list=header.get("list"),
    )


def _read_parts(parts: Mapping[str, Document]) -> dict[int, Part]:
    return {
        int(number): Part(
            number=part["number"],
            size=part["size"],
            chunk_size=part["chunk_size"],
            digest=part["digest"],
            last=part["last"],
            default_region=part.get("default_region"),
        )
        for number, part in parts.items()
    }


def read_completion(document: Document) -> Completion | None:
    """Return the completion in the document of a request."""
    completion = document.get("completion")
    if completion is None:
        return None
    return Completion(
        completed_at=completion["completed_at"],
        total=completion["total"],
        by_status=completion["by_status"],
        by_reason=completion["by_reason"],
        incomplete=completion["incomplete"],
        cost=read_cost(completion),
    )
