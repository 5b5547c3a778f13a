"""Response about the state of a channel."""

from datetime import datetime
from typing import Annotated

from pydantic import Field

from schemas.http_responses import ResponseBody
from schemas.statuses import Channel, ChannelStatus


class ChannelHealth(ResponseBody, published_as="ChannelHealth"):
    """`dto.ChannelHealthResponse`: state of a channel."""

    channel: Channel
    status: ChannelStatus
    provider: Annotated[str, Field(description="names of the providers. Empty without a token.")]
    message: Annotated[str, Field(description="providers that fail, and why. Empty if none does, or without a token.")]


class ChannelHealthResponse(ResponseBody, published_as="ChannelHealthResponse"):
    """`dto.ChannelHealthDataResponse`: response with the state of a channel."""

    code: int
    message: str
    timestamp: datetime
    data: ChannelHealth
