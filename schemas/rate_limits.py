"""Response bodies with the limits of a tenant, with the names of the contract."""

from datetime import datetime
from typing import Annotated

from pydantic import Field
from pydantic.json_schema import SkipJsonSchema

from schemas.http_responses import OptionalText, ResponseBody

OptionalNumber = int | SkipJsonSchema[None]


class ChannelRateLimit(ResponseBody, published_as="ChannelRateLimit"):
    """`domain.ChannelRateLimitData`: the limits of a tenant in one channel. A limit that is absent does not exist."""

    max_per_min: Annotated[OptionalNumber, Field(description="maximum number of messages in a minute")] = None
    max_per_hour: Annotated[OptionalNumber, Field(description="maximum number of messages in an hour")] = None
    max_per_day: Annotated[OptionalNumber, Field(description="maximum number of messages in a day (UTC)")] = None
    provider: Annotated[
        OptionalText,
        Field(
            description="first provider of the channel: of the tenant itself, or as the consumers report it. "
            "The limits hold for all of them."
        ),
    ] = None
    tenant_id: str


class RateLimits(ResponseBody, published_as="RateLimits"):
    """`dto.RateLimitsResponse`: the limits of each channel, or of the channel that was asked for."""

    sms: ChannelRateLimit | SkipJsonSchema[None] = None
    email: ChannelRateLimit | SkipJsonSchema[None] = None


class RateLimitsResponse(ResponseBody, published_as="RateLimitsResponse"):
    """`dto.RateLimitsDetailResponse`: the limits of the caller's tenant."""

    code: int
    data: RateLimits
    message: str
    timestamp: datetime
