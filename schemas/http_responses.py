"""The response bodies of the HTTP contract, named as it names them.

A field that has nothing to say is left out, so that one that is there always has the contract's type
(docs/decisions/0013-the-bulk-endpoint.md).
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from schemas.record_base import PublishedRecord
from schemas.statuses import Category, Channel, Reason, RequestState, Status


def _without_defaults(schema: dict[str, Any]) -> None:
    """What may be left out has no default: it says nothing, and not null."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


class ResponseBody(PublishedRecord):
    """A body of the service; `json_bytes` writes it."""

    model_config = ConfigDict(json_schema_extra=_without_defaults)

    def json_bytes(self) -> bytes:
        """The body, without the fields that say nothing."""
        return self.model_dump_json(exclude_none=True).encode()


OptionalText = str | SkipJsonSchema[None]
OptionalDatetime = datetime | SkipJsonSchema[None]


class SimpleResponse(ResponseBody, published_as="SimpleResponse"):
    """`dto.SimpleResponse`: every error; `code` is the HTTP status."""

    code: int
    message: str
    timestamp: datetime


class PageInfo(ResponseBody, published_as="PageInfo"):
    """`dto.PageInfo`: where in the whole this page stands; pages count from 1."""

    page: Annotated[int, Field(description="the current page number, from 1")]
    page_size: Annotated[int, Field(description="how many items a page holds")]
    total: Annotated[int, Field(description="how many items all pages hold")]
    total_pages: int
    has_next: bool
    has_prev: bool
    next: Annotated[
        OptionalText, Field(description="`after` for the next page, which it finds whatever comes meanwhile")
    ] = None
    more_than_total: Annotated[
        Literal[True] | SkipJsonSchema[None], Field(description="there are more than `total`; counting ended there")
    ] = None


class CommunicationLogResponse(ResponseBody, published_as="CommunicationLogResponse"):
    """`dto.CommunicationLogResponse`: one delivery, and what rollcall adds to the contract's fields."""

    id: Annotated[str, Field(examples=["log_38bwp7hh1q0jf1my2cmqs46haw000000000"])]
    channel: Annotated[Channel, Field(examples=["sms"])]
    content: Annotated[
        OptionalText,
        Field(examples=["您的验证码是123456"], description="the text as this recipient gets it; absent once erased"),
    ] = None
    recipient: Annotated[str, Field(examples=["138****8000"], description="masked")]
    status: Annotated[Status, Field(examples=["delivered"], description="where it stands, see docs/protocol.md")]
    provider: Annotated[OptionalText, Field(examples=["aliyun"], description="absent until a provider was asked")] = (
        None
    )
    response: Annotated[OptionalText, Field(description="what the provider said to it")] = None
    error: Annotated[OptionalText, Field(examples=["发送超时"], description="what went wrong, in words")] = None
    template_id: Annotated[OptionalText, Field(examples=["tpl_38bwp7hh1q0jf1my2cmqs46haw"])] = None
    tenant_id: Annotated[str, Field(examples=["tnt_xyz789"])]
    user_id: Annotated[OptionalText, Field(examples=["usr_abc123"])] = None
    created_at: Annotated[datetime, Field(examples=["2026-04-15T10:00:00Z"], description="when it was accepted")]
    updated_at: Annotated[datetime, Field(examples=["2026-04-15T10:00:00Z"])]
    sent_at: Annotated[OptionalDatetime, Field(examples=["2026-04-15T10:01:00Z"])] = None
    request_id: str
    reference: Annotated[OptionalText, Field(examples=["order-17"], description="the caller's own name for it")] = None
    reason: Annotated[
        Reason | SkipJsonSchema[None], Field(description="why it ended so, from the closed list of docs/errors.md")
    ] = None
    attempts: Annotated[int, Field(description="how often a provider was asked")]
    resend_of: Annotated[OptionalText, Field(description="the delivery of an earlier request that it repeats")] = None
    resent_as: Annotated[OptionalText, Field(description="the delivery of a later request that repeats it")] = None


class CommunicationLogListResponse(ResponseBody, published_as="CommunicationLogListResponse"):
    """`dto.CommunicationLogListResponse`: a page of deliveries."""

    code: int
    items: list[CommunicationLogResponse]
    message: str
    pagination: PageInfo
    timestamp: datetime
    total: Annotated[int, Field(description="as `pagination.total`")]


class LogResponse(CommunicationLogResponse, published_as="LogResponse"):
    """One delivery."""

    code: int
    message: str
    timestamp: datetime


class Parts(ResponseBody, published_as="Parts"):
    """How far the expansion of a request is."""

    known: Annotated[int, Field(description="how many parts were begun")]
    expanded: Annotated[int, Field(description="how many of them are expanded as a whole")]


class RequestSummary(ResponseBody, published_as="RequestSummary"):
    """A request as it stands, without its counts."""

    request_id: str
    tenant_id: str
    user_id: OptionalText = None
    channel: Channel
    category: Category
    template_id: OptionalText = None
    template_version: Annotated[
        int | SkipJsonSchema[None], Field(description="which version its text was taken from")
    ] = None
    total: Annotated[int, Field(description="the recipients of the parts known so far")]
    complete: Annotated[bool, Field(description="whether nothing is left to attempt")]
    incomplete: Annotated[bool, Field(description="whether a part never came, and was given up")]
    cancelled: bool
    state: Annotated[RequestState, Field(description="how far it is")]
    parts: Parts
    accepted_at: datetime
    begun_at: Annotated[OptionalDatetime, Field(description="when its newest part was taken up")] = None
    completed_at: OptionalDatetime = None
    resend_of: Annotated[OptionalText, Field(description="the earlier request whose deliveries it repeats")] = None
    send_at: OptionalDatetime = None
    expires_at: OptionalDatetime = None


class RequestResponse(RequestSummary, published_as="RequestResponse"):
    """One request with its counts."""

    code: int
    message: str
    timestamp: datetime
    done: Annotated[int, Field(description="how many of `total` have their outcome")]
    by_status: Annotated[
        dict[Status, int], Field(description="outcomes while it is under way, then as receipts have moved them")
    ]
    by_reason: dict[Reason, int]


class RequestListResponse(ResponseBody, published_as="RequestListResponse"):
    """A page of requests, newest first."""

    code: int
    items: list[RequestSummary]
    message: str
    pagination: PageInfo
    timestamp: datetime
    total: Annotated[int, Field(description="as `pagination.total`")]


class ControlResponse(ResponseBody, published_as="ControlResponse"):
    """An order that was obeyed: cancel, pause or resume."""

    code: int
    message: str
    timestamp: datetime
    request_id: str
    state: Annotated[RequestState, Field(description="how far the request is now")]
    may_still_be_sent: Annotated[
        int, Field(description="at most so many deliveries, in windows that had begun, may be sent after this answer")
    ]
