"""Queries that read deliveries and requests over HTTP."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, Field, StringConstraints

from schemas.record_base import IntakeRecord, NullAsAbsent
from schemas.requests import Address, RequestId
from schemas.statuses import Channel, Status, SuppressionReason
from schemas.suppressions import SCOPE_PATTERN
from schemas.timestamps import QueryTime

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_DEPTH = 10_000
"""Maximum number of items that page numbers reach and that a list counts. Beyond it, callers continue with `after`."""

MAX_STATUSES = 20
"""Maximum number of statuses of a query. There are fewer."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def as_integer(value: Any) -> Any:
    """Accept 20.0 as 20: it is an integer in JSON Schema, and some languages write integers like this."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


PageNumber = Annotated[
    int,
    Field(ge=1, le=MAX_DEPTH, description="page number from 1. Pages reach at most 10,000 items."),
    BeforeValidator(as_integer),
]
PageSize = Annotated[
    int, Field(ge=1, le=MAX_PAGE_SIZE, description="maximum number of items on a page"), BeforeValidator(as_integer)
]
After = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300),
    Field(
        description="`pagination.next` of the previous page. Replaces `page`.", json_schema_extra={"format": "cursor"}
    ),
]
Reference = Annotated[str, StringConstraints(max_length=200)]


def _as_boolean(value: Any) -> Any:
    """Accept only the words of JSON, because pydantic also takes `yes`, `on` and `1`."""
    return {"true": True, "false": False}.get(value, value if isinstance(value, bool) else None)


def _one_or_several(schema: dict[str, Any]) -> None:
    """Allow a list, or one item without a list."""
    several = {name: schema.pop(name) for name in ("type", "items", "maxItems")}
    schema["anyOf"] = [several["items"], several]


def _without_null(schema: dict[str, Any]) -> None:
    """Remove null from the schema, because a query string has no null."""
    (option,) = [item for item in schema.pop("anyOf") if item.get("type") != "null"]
    schema.update(option)


class _Query(BaseModel):
    """Query string. All its values are text, and unknown names are not allowed."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Paging(_Query):
    """Query for one page of a list."""

    page: PageNumber | None = Field(default=None, json_schema_extra=_without_null)
    page_size: PageSize = PAGE_SIZE
    after: After | None = Field(default=None, json_schema_extra=_without_null)


class RateLimitFilter(_Query):
    """Query of the limits of a tenant."""

    channel: Channel | None = Field(default=None, json_schema_extra=_without_null)


class ProviderFilter(_Query):
    """Query of `GET /communication/providers`. All conditions must hold."""

    channel: Channel | None = Field(default=None, json_schema_extra=_without_null)
    is_active: Annotated[bool, BeforeValidator(_as_boolean)] | None = Field(
        default=None, json_schema_extra=_without_null
    )
    page: PageNumber = 1
    page_size: PageSize = PAGE_SIZE


class SuppressionFilter(_Query):
    """Query of `GET /communication/suppressions`. One entry of an address must meet all conditions."""

    channel: Channel | None = Field(default=None, json_schema_extra=_without_null)
    reason: SuppressionReason | None = Field(default=None, json_schema_extra=_without_null)
    scope: Annotated[str, StringConstraints(pattern=SCOPE_PATTERN)] | None = Field(
        default=None,
        description="`all`, `category:<category>` or `list:<mailing list>`",
        json_schema_extra=_without_null,
    )
    page_size: PageSize = PAGE_SIZE
    after: Annotated[str, StringConstraints(pattern=r"^[es][A-Za-z0-9_-]{22}$")] | None = Field(
        default=None, description="`next` of the previous page", json_schema_extra=_without_null
    )


class ConsentFilter(_Query):
    """Query of `GET /communication/consents`."""

    channel: Channel | None = Field(default=None, json_schema_extra=_without_null)
    page_size: PageSize = PAGE_SIZE
    after: Annotated[str, StringConstraints(pattern=r"^[es][A-Za-z0-9_-]{22}[mt]$")] | None = Field(
        default=None, description="`next` of the previous page", json_schema_extra=_without_null
    )


class LogFilters(Paging):
    """Query of `GET /communication/logs`. All conditions must hold."""

    channel: Channel | None = Field(default=None, json_schema_extra=_without_null)
    status: Annotated[
        list[Status],
        FailFast(),
        Field(max_length=MAX_STATUSES, description="allowed statuses. May be repeated."),
    ] = []
    request_id: RequestId | None = Field(default=None, json_schema_extra=_without_null)
    reference: Reference | None = Field(
        default=None, description="the caller's own name for a delivery", json_schema_extra=_without_null
    )
    accepted_from: QueryTime | None = Field(
        default=None, alias="from", description="accepted at this time or later", json_schema_extra=_without_null
    )
    accepted_before: QueryTime | None = Field(
        default=None, alias="to", description="accepted before this time", json_schema_extra=_without_null
    )


_ONE_PLACE: dict[str, Any] = {
    "not": {
        "required": ["page", "after"],
        "properties": {"page": {"type": "integer"}, "after": {"type": "string"}},
    }
}
"""JSON Schema rule: a query has `page` or `after`, not both."""


class LogSearch(IntakeRecord, published_as="LogSearch"):
    """Body of `POST /communication/logs/search`: the conditions of the query, and the recipient."""

    model_config = ConfigDict(json_schema_extra=_ONE_PLACE)

    recipient: Annotated[
        Address | None,
        Field(description="address in the form used to send. It is in the body so that it stays out of URLs."),
    ] = None
    channel: Channel | None = None
    status: Annotated[
        list[Annotated[Status, Field(strict=False)]],
        FailFast(),
        Field(max_length=MAX_STATUSES),
        BeforeValidator(_as_list),
        NullAsAbsent(),
        Field(
            default_factory=list,
            description="allowed statuses, as a list or as a single value",
            json_schema_extra=_one_or_several,
        ),
    ]
    request_id: RequestId | None = None
    reference: Reference | None = None
    accepted_from: Annotated[QueryTime | None, Field(alias="from", description="accepted at this time or later")] = None
    accepted_before: Annotated[QueryTime | None, Field(alias="to", description="accepted before this time")] = None
    page: PageNumber | None = None
    page_size: Annotated[PageSize, NullAsAbsent()] = PAGE_SIZE
    after: After | None = None

    def __repr__(self) -> str:
        return "LogSearch(***)"

    __str__ = __repr__
