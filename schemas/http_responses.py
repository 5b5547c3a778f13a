"""Response bodies of the HTTP contract, with the names of the contract.

A field without a value is left out. A field that is present therefore always has the contract's type
(docs/decisions/0013-the-bulk-endpoint.md).
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from schemas.receipts import ReceiptClass
from schemas.record_base import PublishedRecord
from schemas.statuses import Category, Channel, Reason, RequestState, SmsEncoding, Status


def _without_defaults(schema: dict[str, Any]) -> None:
    """Remove the defaults, because an optional field is left out of a response and is never null."""
    for field in schema.get("properties", {}).values():
        field.pop("default", None)


class ResponseBody(PublishedRecord):
    """Body of a response, written by `json_bytes`."""

    model_config = ConfigDict(json_schema_extra=_without_defaults, serialize_by_alias=True)

    def json_bytes(self) -> bytes:
        """Return the body as JSON, without the fields that have no value."""
        return self.model_dump_json(exclude_none=True).encode()


OptionalText = str | SkipJsonSchema[None]
OptionalDatetime = datetime | SkipJsonSchema[None]
OptionalCost = Annotated[dict[str, str] | SkipJsonSchema[None], Field(examples=[{"EUR": "0.045"}])]


class SimpleResponse(ResponseBody, published_as="SimpleResponse"):
    """`dto.SimpleResponse`: the body of every error. `code` is the HTTP status."""

    code: int
    message: str
    timestamp: datetime


class PageInfo(ResponseBody, published_as="PageInfo"):
    """`dto.PageInfo`: the position of this page in the list. The first page has the number 1."""

    page: Annotated[int, Field(description="current page number, from 1")]
    page_size: Annotated[int, Field(description="maximum number of items on a page")]
    total: Annotated[int, Field(description="number of items on all pages")]
    total_pages: int
    has_next: bool
    has_prev: bool
    next: Annotated[
        OptionalText, Field(description="value of `after` for the next page. It stays valid while new items arrive.")
    ] = None
    more_than_total: Annotated[
        Literal[True] | SkipJsonSchema[None],
        Field(description="true if there are more items than `total`. Counting stopped there."),
    ] = None


class CommunicationLogResponse(ResponseBody, published_as="CommunicationLogResponse"):
    """`dto.CommunicationLogResponse`: one delivery, with the contract's fields and the fields that rollcall adds."""

    id: Annotated[str, Field(examples=["log_38bwp7hh1q0jf1my2cmqs46haw000000000"])]
    channel: Annotated[Channel, Field(examples=["sms"])]
    content: Annotated[
        OptionalText,
        Field(examples=["您的验证码是123456"], description="text for this recipient. Absent once it is erased."),
    ] = None
    content_shortened: Annotated[
        Literal[True] | SkipJsonSchema[None],
        Field(
            description="true if `content` is the beginning of a longer text. The texts of a list take 1 MiB at most, "
            "shared equally. `GET /communication/logs/{log_id}` has the whole text."
        ),
    ] = None
    recipient: Annotated[str, Field(examples=["138****8000"], description="masked address")]
    status: Annotated[Status, Field(examples=["delivered"], description="current status, see docs/protocol.md")]
    provider: Annotated[
        OptionalText,
        Field(examples=["aliyun"], description="name of the provider. Absent until a provider was called."),
    ] = None
    response: Annotated[OptionalText, Field(description="response of the provider")] = None
    error: Annotated[OptionalText, Field(examples=["发送超时"], description="description of the error")] = None
    template_id: Annotated[OptionalText, Field(examples=["tpl_38bwp7hh1q0jf1my2cmqs46haw"])] = None
    tenant_id: Annotated[str, Field(examples=["tnt_xyz789"])]
    user_id: Annotated[OptionalText, Field(examples=["usr_abc123"])] = None
    created_at: Annotated[
        datetime, Field(examples=["2026-04-15T10:00:00Z"], description="time at which the request was accepted")
    ]
    updated_at: Annotated[datetime, Field(examples=["2026-04-15T10:00:00Z"])]
    sent_at: Annotated[OptionalDatetime, Field(examples=["2026-04-15T10:01:00Z"])] = None
    request_id: str
    reference: Annotated[
        OptionalText, Field(examples=["order-17"], description="the caller's own name for the delivery")
    ] = None
    reason: Annotated[
        Reason | SkipJsonSchema[None],
        Field(description="reason for the status, from the closed list in docs/errors.md"),
    ] = None
    attempts: Annotated[int, Field(description="number of calls to a provider")]
    resend_of: Annotated[
        OptionalText, Field(description="log id of the delivery of an earlier request that this delivery repeats")
    ] = None
    resent_as: Annotated[
        OptionalText, Field(description="log id of the delivery of a later request that repeats this delivery")
    ] = None
    next_attempt_at: Annotated[
        OptionalDatetime,
        Field(
            description="earliest time of the next try of a pending delivery. Then `reason`, `provider` and `attempts` "
            "tell of the last try."
        ),
    ] = None
    encoding: Annotated[
        SmsEncoding | SkipJsonSchema[None],
        Field(examples=["gsm7"], description="encoding of an SMS that was rendered for a provider"),
    ] = None
    segments: Annotated[
        int | SkipJsonSchema[None], Field(description="number of segments of this SMS, as providers bill them")
    ] = None
    cost: Annotated[
        OptionalCost,
        Field(description="what the delivery may have cost, by currency. Absent if no price is known."),
    ] = None
    receipt_at: Annotated[OptionalDatetime, Field(description="time of the receipt that changed the status")] = None
    receipt_class: Annotated[ReceiptClass | SkipJsonSchema[None], Field(description="class of this receipt")] = None
    receipt_code: Annotated[OptionalText, Field(description="status or error code of this receipt")] = None


class CommunicationLogListResponse(ResponseBody, published_as="CommunicationLogListResponse"):
    """`dto.CommunicationLogListResponse`: one page of deliveries."""

    code: int
    items: list[CommunicationLogResponse]
    message: str
    pagination: PageInfo
    timestamp: datetime
    total: Annotated[int, Field(description="the same as `pagination.total`")]
    warnings: Annotated[
        list[str] | SkipJsonSchema[None],
        Field(description="parts of an accepted request that have no effect. Each names its field."),
    ] = None


class LogResponse(CommunicationLogResponse, published_as="LogResponse"):
    """Response with one delivery."""

    code: int
    message: str
    timestamp: datetime


class Parts(ResponseBody, published_as="Parts"):
    """Progress of the expansion of a request."""

    known: Annotated[int, Field(description="number of parts whose expansion began")]
    expanded: Annotated[int, Field(description="number of parts that are completely expanded")]


class RequestSummary(ResponseBody, published_as="RequestSummary"):
    """Current state of a request, without its counts."""

    request_id: str
    tenant_id: str
    user_id: OptionalText = None
    channel: Channel
    category: Category
    template_id: OptionalText = None
    template_version: Annotated[
        int | SkipJsonSchema[None], Field(description="version of the template that the text was taken from")
    ] = None
    total: Annotated[int, Field(description="number of recipients in the parts known so far")]
    complete: Annotated[bool, Field(description="true if no delivery is left to attempt")]
    incomplete: Annotated[bool, Field(description="true if a part never arrived and the consumer gave it up")]
    cancelled: bool
    state: Annotated[RequestState, Field(description="progress of the request")]
    parts: Parts
    accepted_at: datetime
    begun_at: Annotated[OptionalDatetime, Field(description="time when the expansion of the newest part began")] = None
    completed_at: OptionalDatetime = None
    resend_of: Annotated[
        OptionalText, Field(description="id of the earlier request whose deliveries this request repeats")
    ] = None
    send_at: OptionalDatetime = None
    expires_at: OptionalDatetime = None
    region: Annotated[OptionalText, Field(description="country that the caller gave for phone numbers without `+`")] = (
        None
    )
    provider: Annotated[OptionalText, Field(description="only provider that may send the request")] = None
    secret_variables: Annotated[
        list[str] | SkipJsonSchema[None],
        Field(description="names of the secret variables, those of the template included. Absent if there are none."),
    ] = None
    keep_secret_variables: Annotated[
        bool | SkipJsonSchema[None],
        Field(description="true if the secret values are kept, so that deliveries can be resent"),
    ] = None
    cost: Annotated[
        OptionalCost,
        Field(description="what all deliveries may have cost, by currency. Absent if no price is known."),
    ] = None
    budget: Annotated[OptionalCost, Field(description="maximum of `cost` that the caller gave")] = None
    mailing_list: Annotated[OptionalText, Field(serialization_alias="list", description="mailing list")] = None


class RequestResponse(RequestSummary, published_as="RequestResponse"):
    """Response with one request and its counts."""

    code: int
    message: str
    timestamp: datetime
    done: Annotated[int, Field(description="number of deliveries out of `total` that have their outcome")]
    by_status: Annotated[
        dict[Status, int],
        Field(description="outcomes while the request runs. After its completion, receipts may change them."),
    ]
    by_reason: dict[Reason, int]


class RequestListResponse(ResponseBody, published_as="RequestListResponse"):
    """Page of requests, newest first."""

    code: int
    items: list[RequestSummary]
    message: str
    pagination: PageInfo
    timestamp: datetime
    total: Annotated[int, Field(description="the same as `pagination.total`")]


class ControlResponse(ResponseBody, published_as="ControlResponse"):
    """Result of a cancel, pause or resume that was applied."""

    code: int
    message: str
    timestamp: datetime
    request_id: str
    state: Annotated[RequestState, Field(description="progress of the request now")]
    may_still_be_sent: Annotated[
        int,
        Field(description="maximum number of deliveries in begun windows that may still be sent after this response"),
    ]
