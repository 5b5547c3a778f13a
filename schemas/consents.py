"""Bodies and responses of the routes for consents: recorded agreements of recipients to a category of messages."""

from datetime import datetime
from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.http_responses import OptionalDatetime, OptionalText, ResponseBody
from schemas.statuses import Category, Channel
from schemas.suppressions import SuppressedRecipient
from schemas.timestamps import ActionTime


class ConsentWithdrawal(SuppressedRecipient, published_as="ConsentWithdrawal"):
    """Consent of an address to a category, to be withdrawn now."""

    category: Category = Field(examples=["marketing"])


class ConsentAddition(ConsentWithdrawal, published_as="ConsentAddition"):
    """Consent to record. A line of an import has the same fields."""

    way: Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._:/-]{0,63}$")] = Field(
        description="way in which the recipient gave it, such as `web-form`. It must not contain an address.",
        examples=["web-form"],
    )
    text_version: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,63}$")] = Field(
        description="version of the text that the recipient agreed to", examples=["2026-01"]
    )
    given_at: ActionTime | None = Field(
        default=None, description="time at which the recipient gave it, not in the future. Unset: now."
    )


class ConsentResponse(ResponseBody, published_as="Consent"):
    """Consent of an address to a category, as it is recorded."""

    channel: Channel
    recipient: Annotated[str, Field(description="masked address")]
    category: Category
    in_force: Annotated[bool, Field(description="whether messages may be sent. The latest of both times tells.")]
    given_at: OptionalDatetime = None
    way: OptionalText = None
    text_version: OptionalText = None
    withdrawn_at: OptionalDatetime = None


class ConsentAnswer(ResponseBody, published_as="ConsentAnswer"):
    """Response with one consent."""

    code: int
    message: str
    timestamp: datetime
    data: ConsentResponse


class ConsentListResponse(ResponseBody, published_as="ConsentListResponse"):
    """Page of consents."""

    code: int
    message: str
    timestamp: datetime
    items: list[ConsentResponse]
    next: Annotated[OptionalText, Field(description="value of `after` for the next page")] = None
