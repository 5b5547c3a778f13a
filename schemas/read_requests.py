"""What is asked for when deliveries and requests are read over HTTP, and the answers about requests."""

from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from schemas.record_base import IntakeRecord
from schemas.requests import Address, RequestId
from schemas.statuses import Channel, Status
from schemas.timestamps import QueryTime

PAGE_SIZE = 20
MAX_PAGE_SIZE = 100
MAX_DEPTH = 10_000
"""How far pages by number reach, and how far a list is counted; behind that one reads on with `after`."""


def _as_list(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


def _whole(value: Any) -> Any:
    """JSON Schema calls 20.0 an integer, and some languages write it so."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


PageNumber = Annotated[
    int, Field(ge=1, le=MAX_DEPTH, description="from 1; at most 10,000 items deep"), BeforeValidator(_whole)
]
PageSize = Annotated[
    int, Field(ge=1, le=MAX_PAGE_SIZE, description="how many items a page holds"), BeforeValidator(_whole)
]
After = Annotated[
    str,
    StringConstraints(min_length=1, max_length=300),
    Field(
        description="`pagination.next` of the page before; instead of `page`", json_schema_extra={"format": "cursor"}
    ),
]
Reference = Annotated[str, StringConstraints(max_length=200)]


def _one_or_several(schema: dict[str, Any]) -> None:
    """A list, or what it would hold."""
    several = {"type": schema.pop("type"), "items": schema.pop("items")}
    schema["anyOf"] = [several["items"], several]


def _without_null(schema: dict[str, Any]) -> None:
    """A query string has no null: what is not asked for is not in it."""
    (said,) = [option for option in schema.pop("anyOf") if option.get("type") != "null"]
    schema.update(said)


class _Query(BaseModel):
    """A query string: everything in it is text, and nothing unknown may be."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Paging(_Query):
    """Which page of a list."""

    page: PageNumber | None = Field(default=None, json_schema_extra=_without_null)
    page_size: PageSize = PAGE_SIZE
    after: After | None = Field(default=None, json_schema_extra=_without_null)


class LogFilters(Paging):
    """The query of `GET /communication/logs`; every condition narrows."""

    channel: Channel | None = Field(default=None, json_schema_extra=_without_null)
    status: Annotated[list[Status], Field(description="one of these; may be repeated")] = []
    request_id: RequestId | None = Field(default=None, json_schema_extra=_without_null)
    reference: Reference | None = Field(
        default=None, description="the caller's own name for a delivery", json_schema_extra=_without_null
    )
    accepted_from: QueryTime | None = Field(
        default=None, alias="from", description="accepted then or later", json_schema_extra=_without_null
    )
    accepted_before: QueryTime | None = Field(
        default=None, alias="to", description="accepted before then", json_schema_extra=_without_null
    )


_ONE_PLACE: dict[str, Any] = {
    "not": {
        "required": ["page", "after"],
        "properties": {"page": {"type": "integer"}, "after": {"type": "string"}},
    }
}
"""A page is named by its number or by what stands before it."""


class LogSearch(IntakeRecord, published_as="LogSearch"):
    """The body of `POST /communication/logs/search`: the same conditions, and the recipient."""

    model_config = ConfigDict(json_schema_extra=_ONE_PLACE)

    recipient: Annotated[
        Address | None, Field(description="an address as one would send to it; it stays out of URLs")
    ] = None
    channel: Channel | None = None
    status: Annotated[
        list[Annotated[Status, Field(strict=False)]],
        BeforeValidator(_as_list),
        Field(
            default_factory=list,
            description="one of these; one alone may stand without a list",
            json_schema_extra=_one_or_several,
        ),
    ]
    request_id: RequestId | None = None
    reference: Reference | None = None
    accepted_from: Annotated[QueryTime | None, Field(alias="from", description="accepted then or later")] = None
    accepted_before: Annotated[QueryTime | None, Field(alias="to", description="accepted before then")] = None
    page: PageNumber | None = None
    page_size: PageSize = PAGE_SIZE
    after: After | None = None

    def __repr__(self) -> str:
        return "LogSearch(***)"

    __str__ = __repr__
