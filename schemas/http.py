"""The response bodies of the HTTP contract, named as it names them."""

from datetime import datetime

from schemas.base import Published


class SimpleResponse(Published):
    """`dto.SimpleResponse`: every error; `code` is the HTTP status."""

    code: int
    message: str
    timestamp: datetime


class PageInfo(Published):
    """`dto.PageInfo`: where in the whole this page stands; pages count from 1."""

    page: int
    page_size: int
    total: int
    total_pages: int
    has_next: bool
    has_prev: bool


class CommunicationLogResponse(Published):
    """`dto.CommunicationLogResponse`: one delivery, and what rollcall adds to the contract's fields."""

    id: str
    channel: str
    content: str | None
    recipient: str
    status: str
    provider: str | None
    response: str | None
    error: str | None
    template_id: str | None
    tenant_id: str
    user_id: str | None
    created_at: datetime
    updated_at: datetime
    sent_at: datetime | None
    request_id: str
    reference: str | None
    reason: str | None
    attempts: int


class CommunicationLogListResponse(Published):
    """`dto.CommunicationLogListResponse`: a page of deliveries."""

    code: int
    items: list[CommunicationLogResponse]
    message: str
    pagination: PageInfo
    timestamp: datetime
    total: int
