"""Bodies and responses of the routes for suppressions: addresses that must not be written to."""

from datetime import datetime
from typing import Annotated, Self

from pydantic import Field, model_validator

from schemas.http_responses import OptionalDatetime, OptionalText, ResponseBody
from schemas.mailing_lists import LIST_NAME
from schemas.record_base import IntakeRecord, NullAsAbsent
from schemas.regions import Region
from schemas.requests import Address
from schemas.statuses import Category, Channel, SuppressionReason
from schemas.text_patterns import text_pattern
from schemas.timestamps import ActionTime

EVERYTHING = "all"
"""Scope of an entry for all messages of the channel."""
CATEGORY_SCOPE, LIST_SCOPE = "category:", "list:"
"""Beginning of a scope, before the name of a category or of a mailing list."""
OF_ADDRESS = frozenset({SuppressionReason.BOUNCED, SuppressionReason.INVALID})
"""Reasons that say that the address takes no message at all."""
SCOPE_PATTERN = f"^(all|category:({'|'.join(Category)})|list:{LIST_NAME})$"

Scope = Annotated[
    str,
    text_pattern(
        SCOPE_PATTERN, f"must be all, category: with {' or '.join(Category)}, or list: with the name of a mailing list"
    ),
    Field(
        description="messages that the entry stops: `all`, `category:<category>` or `list:<mailing list>`",
        examples=["list:weekly-news"],
    ),
]
Source = Annotated[
    str,
    text_pattern(r"^[a-z0-9][a-z0-9._:/-]{0,63}$", "must have 1 to 64 small letters, digits and . _ : / -"),
    Field(description="origin of the entry, such as `import`. It must not contain an address."),
]


def scope_problem(reason: SuppressionReason, scope: str) -> str | None:
    """Return the problem of a scope that has no meaning for a reason, or None."""
    if scope == EVERYTHING:
        return None
    if reason in OF_ADDRESS:
        return f"must be `{EVERYTHING}` for {reason}, because the address takes no message at all"
    if scope == f"{CATEGORY_SCOPE}{Category.TRANSACTIONAL}" and reason is not SuppressionReason.MANUAL:
        return f"must be `{EVERYTHING}` to stop transactional messages for {reason}"
    return None


class SuppressedRecipient(IntakeRecord, published_as="SuppressedRecipient"):
    """Address of a channel."""

    channel: Channel
    recipient: Address = Field(
        description="phone number or e-mail address. It is in the body so that it stays out of URLs.",
        examples=["wei@example.com"],
    )
    region: Region | None = Field(
        default=None, description="country of a phone number that is written without `+`", examples=["CN"]
    )

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.channel}, ***)"

    __str__ = __repr__


class SuppressionRemoval(SuppressedRecipient, published_as="SuppressionRemoval"):
    """Entries to remove from an address."""

    scope: Scope | None = None
    """None: those of every scope."""
    reason: SuppressionReason | None = Field(default=None, description="reason of the entries. Unset: of any reason.")


class SuppressionAddition(SuppressedRecipient, published_as="SuppressionAddition"):
    """Entry to add to an address. A line of an import has the same fields."""

    reason: SuppressionReason
    scope: Annotated[Scope, NullAsAbsent()] = EVERYTHING
    source: Source | None = None
    since: ActionTime | None = Field(default=None, description="time from which the entry dates. Unset: now.")
    until: ActionTime | None = Field(
        default=None, description="time from which the entry counts no more. Unset: it always counts."
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if problem := scope_problem(self.reason, self.scope):
            raise ValueError(f"scope: {problem}")
        if self.since and self.until and self.until <= self.since:
            raise ValueError("until: must be after since")
        return self


class SuppressionEntryResponse(ResponseBody, published_as="SuppressionEntry"):
    """Reason for which an address must not be written to, and the messages that it stops."""

    reason: SuppressionReason
    scope: str
    source: str
    since: datetime
    until: OptionalDatetime = None


class SuppressionResponse(ResponseBody, published_as="Suppression"):
    """Address and its entries. It gets messages that no entry stops."""

    channel: Channel
    recipient: Annotated[
        str,
        Field(description="masked address. The whole one needs the scope `communication:suppressions:addresses`."),
    ]
    entries: list[SuppressionEntryResponse]


class SuppressionAnswer(ResponseBody, published_as="SuppressionAnswer"):
    """Response with the suppressions of one address. It has no entry if there is none."""

    code: int
    message: str
    timestamp: datetime
    data: SuppressionResponse


class SuppressionAdded(SuppressionAnswer, published_as="SuppressionAdded"):
    """Response to an addition."""

    added: Annotated[bool, Field(description="false if there was such an entry")]
    in_effect_from: Annotated[
        datetime,
        Field(
            description="windows of deliveries that open from now on are not sent to the address. A window that is "
            "open may still be sent once."
        ),
    ]


class SuppressionRemoved(SuppressionAnswer, published_as="SuppressionRemoved"):
    """Response to a removal."""

    removed: Annotated[int, Field(description="number of entries that were removed")]


class SuppressionListResponse(ResponseBody, published_as="SuppressionListResponse"):
    """Page of suppressed addresses."""

    code: int
    message: str
    timestamp: datetime
    items: list[SuppressionResponse]
    next: Annotated[
        OptionalText,
        Field(description="value of `after` for the next page. A page may have few items, or none, and a next page."),
    ] = None


class LineProblem(ResponseBody, published_as="LineProblem"):
    """Line of an import that was not taken."""

    line: Annotated[int, Field(description="number of the line, from 1")]
    problem: str


class SuppressionImported(ResponseBody, published_as="SuppressionImported"):
    """Response to an import. The lines without a problem were taken."""

    code: int
    message: str
    timestamp: datetime
    added: Annotated[int, Field(description="number of lines with a new entry")]
    unchanged: Annotated[int, Field(description="number of lines whose entry was there already")]
    failed: Annotated[int, Field(description="number of lines that were not taken")]
    problems: list[LineProblem]
    in_effect_from: datetime


class ExportedSuppression(ResponseBody, published_as="ExportedSuppression"):
    """Line of an export: one entry of an address. With whole addresses, it is a line of an import too."""

    channel: Channel
    recipient: str
    reason: SuppressionReason
    scope: str
    source: str
    since: datetime
    until: OptionalDatetime = None
