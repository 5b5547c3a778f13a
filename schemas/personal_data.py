"""Bodies and responses of the routes for the rights of a person: export and erasure of the data about it."""

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from schemas.consents import ConsentResponse
from schemas.http_responses import CommunicationLogResponse, OptionalText, ResponseBody
from schemas.record_base import IntakeRecord
from schemas.regions import Region
from schemas.requests import Address, UserId
from schemas.statuses import Channel
from schemas.suppressions import SuppressionResponse


class PersonSelector(IntakeRecord):
    """User, or recipient of a channel."""

    user_id: UserId | None = Field(
        default=None, description="user whose requests are meant. It is given alone.", examples=["usr_abc123"]
    )
    address: Address | None = Field(
        default=None,
        description="phone number or e-mail address of a recipient, with `channel`. Deliveries to it are meant, "
        "whoever the user is.",
        examples=["wei@example.com"],
    )
    channel: Channel | None = Field(default=None, description="channel of the address")
    region: Region | None = Field(
        default=None, description="country of a phone number that is written without `+`", examples=["CN"]
    )

    @model_validator(mode="after")
    def _names_one_person(self) -> Self:
        if self.user_id is None and self.address is None and self.channel is None:
            raise ValueError("user_id: is required, unless address and channel are given")
        if self.user_id is not None:
            given = next((name for name in ("address", "channel", "region") if getattr(self, name) is not None), None)
            if given:
                raise ValueError(f"{given}: must not be given with user_id. Use one call for each.")
        elif self.address is None:
            raise ValueError("address: is required with channel")
        elif self.channel is None:
            raise ValueError("channel: is required with address")
        return self

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    __str__ = __repr__


class ExportUserDataRequest(PersonSelector, published_as="ExportUserDataRequest"):
    """`dto.ExportUserDataRequest`: the person whose data is exported."""


class EraseUserDataRequest(PersonSelector, published_as="EraseUserDataRequest"):
    """`dto.EraseUserDataRequest`: the person whose data is erased."""


class ExportedDelivery(CommunicationLogResponse, published_as="ExportedDelivery"):
    """Delivery of an export, with its whole text as far as it is stored."""

    address: Annotated[
        OptionalText,
        Field(
            description="whole address, as far as it is stored. That of a user's deliveries needs the scope "
            "`communication:internal:addresses`."
        ),
    ] = None


class ExportUserDataResponse(ResponseBody, published_as="ExportUserDataResponse"):
    """`dto.ExportUserDataResponse`: all that is stored about a person."""

    logs: Annotated[list[ExportedDelivery], Field(description="deliveries, newest requests first, pending ones too")]
    tokens: Annotated[list[Any], Field(description="not used, and always empty: there are no push tokens")]
    suppressions: Annotated[
        list[SuppressionResponse], Field(description="reasons for which the address must not be written to")
    ]
    consents: Annotated[list[ConsentResponse], Field(description="recorded consents of the address, by category")]


class ExportUserDataDetailResponse(ResponseBody, published_as="ExportUserDataDetailResponse"):
    """`dto.ExportUserDataDetailResponse`: the export as one document. It has no limit, and is streamed."""

    code: int
    data: ExportUserDataResponse
    message: str
    timestamp: datetime


class RemainingData(ResponseBody, published_as="RemainingData"):
    """Data about the person that an erasure does not reach."""

    what: str
    until: str


class EraseUserDataResponse(ResponseBody, published_as="EraseUserDataResponse"):
    """`dto.OKResponse`, with what the erasure is about and what remains after it."""

    code: int
    message: str
    person: Annotated[
        str,
        Field(
            description="keyed hash in the place of the person, in erased deliveries and in the audit log",
            examples=["erased:usq83vEjRWeJCrze8SNFZ4k"],
        ),
    ]
    accepted_before: Annotated[
        datetime, Field(description="requests that were accepted until then are concerned. Later ones are not.")
    ]
    remains: Annotated[list[RemainingData], Field(description="data that remains after the erasure, and until when")]
